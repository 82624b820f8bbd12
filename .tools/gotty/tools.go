//go:build tools

// Package gotty pins the terminal server that make bench-shell compares with.
package gotty

import _ "github.com/sorenisanerd/gotty"
