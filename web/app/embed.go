// Package app is the web app: a React program in TypeScript, built by Vite into
// dist and embedded here.
//
// Only dist/.gitkeep is committed (Vite copies it from public on every build),
// so the Go module builds, vets and tests without Node.js; a binary made that
// way has no app, [Built] says so, and the server answers its pages with how to
// build one. `npm ci && npm run build` in this folder makes it.
//
// index.html serves every page; the files under assets/ have a hash of their
// content in their name and never change, but for theme.js, the manifest and
// the icons, whose names are fixed, as is that of the service worker, notify.js. The app needs no inline script or style and
// asks no other origin for anything, so that
//
//	default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';
//	connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self';
//	form-action 'self'; base-uri 'self'; frame-ancestors 'none'
//
// is enough as its Content-Security-Policy.
package app

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS is the built app, with index.html at its root.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("app: dist is not a folder: " + err.Error()) // go:embed made it one
	}
	return sub
}

// Built is true where the binary was compiled after the app was built.
func Built() bool {
	_, err := fs.Stat(FS(), "index.html")
	return err == nil
}
