package identity

// The roles of a person in an Organization; upstream's names.
const (
	// RoleSovereignAdmin is the role of the person who owns a Sovereign, and of the
	// owner of the data directory.
	RoleSovereignAdmin = "sovereign-admin"
	RoleOrgAdmin       = "org-admin"
	RoleOrgDeveloper   = "org-developer"
	RoleOrgViewer      = "org-viewer"
	// RoleGuest is somebody who has not signed in yet.
	RoleGuest = "guest"
)
