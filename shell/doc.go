// Package shell is the developer shell: sessions of coding agents and of plain
// shells that outlive the browser, the network and this service.
//
// A [Session] is an aggregate of the journal (session.<id>): who made it, what
// runs in it, its name, its cards, how it ended. Its terminal is not in the
// journal. It lives in a holder process (package hold) with a folder of its own,
// which the [Service] finds again when it starts: by the folder's process.json
// with pid and start time. One watcher a session follows the holder's spool and
// turns its raw records into cards with the agent's adapter (package agent).
//
// The holder also has the agent's side channels. What an agent asks is answered
// through it ([Service.Answer]), and prompts go the same way where an agent takes
// them there ([Service.Prompt]).
//
// # What is worked on
//
// A session may begin with a clone of a Git repository, on a branch, in its working
// folder ([CreateOptions.Repository]). It fetches and pushes through its holder, which
// has the token and lets it to that repository alone; a session that goes on in another
// has to be given the token again. Large file storage (git-lfs) is no part of that.
// Files come in by [Service.Upload].
//
// # What agents think with
//
// A model key of the person's own, else of their Organization ([Service.SetModel], kept
// in the vault), else the operator's ([Options.Models]). [Session.Payer] says whose it
// is. Keys of people go to hosts of [Options.ModelHosts] only, and by TLS; the holder
// holds to that, too. A session that runs keeps what it started with.
//
// # What agents use
//
// [Options.Tools] are MCP servers that each agent finds in its configuration. Those at
// an address are reached through the holder, which puts in their headers; those that are
// commands run in the session. An agent asks before each use, in every mode but "all".
//
// # Beyond the page
//
// What a session serves is reached by [Service.DialPort], for package web to show it at
// an origin of its own. What its owner should hear of is given to [Options.Tell] once,
// and package push brings it to their devices.
//
// # Invariants
//
//   - A record becomes a card event exactly once: the event carries how far the
//     spool is read, and is appended with the aggregate's expected sequence.
//   - A permission is given once: the first answer counts, here or in the terminal,
//     and a session that goes on is never allowed more than it was.
//   - No session has the key of its model, the token of its repository, or what an MCP
//     server asks of its callers.
//   - Nobody learns that a session of somebody else exists. Its owner may do
//     everything; others come in with an invitation as driver or observer, which
//     the owner makes and which does not let them invite, rename or delete.
//   - Without a wall (isolation none) only the owner of the data directory has
//     sessions. A wall that cannot be made is an error, never a silent fallback.
//   - A session's processes end with it, also when its holder was killed.
//
// # Goroutines
//
// [Service.Run] owns one watcher for each running session; Close waits for them.
// A [Stream] belongs to its caller.
package shell
