// Package skill holds what the concierge knows of an industry: which
// Applications usually help and why, which compliance regimes to ask about,
// what is known about where data may lie, and which questions to put.
//
// # A pack
//
// A [Pack] is one Markdown file. Its front matter (YAML between two lines of
// three dashes) is what programs use; the text below it is what a model reads:
//
//	---
//	name: healthcare
//	title: Healthcare
//	version: 1.0.0
//	industries: [healthcare]
//	apps:
//	  - {slug: nextcloud, why: Files and calendars that stay on your servers}
//	regimes:
//	  - {name: GDPR, ask: Do you keep data of people in the European Union?}
//	notes:
//	  - text: Health data is a special category under Article 9 of the GDPR.
//	    source: Regulation (EU) 2016/679, Article 9
//	    date: "2016-04-27"
//	questions: [How many people will work with it?]
//	---
//	# Healthcare
//	...
//
// Four packs are built in. [Load] takes a folder whose *.md files replace the
// built-in pack of the same name or add one.
//
// # Packs ask, they do not promise
//
// A pack never says that an installation complies with anything. A regime is a
// name and a question for the person. A note, which is the only place for a
// statement about law or residency, is refused unless it names its source and
// the source's date, so that a reader can see how old the knowledge is.
//
// # Invariants
//
//   - [Load] gives all packs or a fault; a broken override never falls back to
//     the built-in pack in silence. The fault names the file and the line.
//   - An unknown key in the front matter is a fault: a misspelt "regimes" would
//     otherwise be a question that is never asked.
//   - [Packs] never changes after Load and is safe for concurrent use; what List
//     and Get give belongs to the caller.
package skill
