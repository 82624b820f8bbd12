package card

// The data of cards that developer sessions show, besides [BashData].

// TextData is the data of a [KindText] card of a session, where it says who
// speaks. Cards of conversations have none.
type TextData struct {
	// From is person or agent.
	From string `json:"from"`
	// Streaming is true while more of it is to come.
	Streaming bool `json:"streaming,omitempty"`
}

// DiffData is the data of a [KindDiff] card: a change of a file.
type DiffData struct {
	// Path is the file, as the agent named it.
	Path string `json:"path"`
	// State is running until it was made, then made or failed.
	State string `json:"state"`
	// Created is true for a file that was not there before.
	Created bool `json:"created,omitempty"`
	// Added and Removed count lines.
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Hunks   []Hunk `json:"hunks"`
	// Cut is true when the change is longer than what is shown of it.
	Cut bool `json:"cut,omitempty"`
	// Problem is why it failed.
	Problem string `json:"problem,omitempty"`
}

// Hunk is a piece of a change in the unified format.
type Hunk struct {
	OldStart int `json:"oldStart"`
	NewStart int `json:"newStart"`
	// Lines begin with a space, + or -.
	Lines []string `json:"lines"`
}

// PermissionData is the data of a [KindPermission] card: an agent asks whether it
// may do something. It can be answered here or in the terminal; the first answer
// counts.
type PermissionData struct {
	// Tool is what the agent wants to use, in its own words.
	Tool string `json:"tool"`
	// Detail is what it wants to do with it: a command, or a path.
	Detail string `json:"detail"`
	// Hunks are the change that it wants to make, if it is one.
	Hunks []Hunk `json:"hunks,omitempty"`
	// State is waiting, then allowed, denied, or gone when nobody waits any more.
	State string `json:"state"`
	// By is where it was answered: here or terminal.
	By string `json:"by,omitempty"`
}

// PreviewLinkData is the data of a [KindPreviewLink] card: a port of the session is
// listened on, and may be looked at.
type PreviewLinkData struct {
	// Port is 1 to 65535.
	Port int `json:"port"`
	// State is open or closed.
	State string `json:"state"`
}

// TodoData is the data of a [KindTodo] card: the agent's plan.
type TodoData struct {
	Items []TodoItem `json:"items"`
}

// TodoItem is one step of the plan.
type TodoItem struct {
	Text string `json:"text"`
	// State is pending, active or done.
	State string `json:"state"`
}
