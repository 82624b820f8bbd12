package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// hashed are the files whose names change with their content.
var hashed = regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`)

const notBuilt = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sandbox</title></head>` +
	`<body><h1>The web app is not built into this binary</h1><p>Run <code>make build</code> and start it again. The API and <code>sandbox chat</code> work without it.</p></body></html>`

// static serves the app: hashed assets for ever, pages always fresh, and every
// page from the one index.html.
func (s *Server) static(e *echo.Echo) {
	index, err := fs.ReadFile(s.options.App, "index.html")
	if err != nil {
		index = []byte(notBuilt)
	}
	e.GET("/assets/*", s.asset)
	page := func(c echo.Context) error {
		return s.serve(c, "index.html", index, "no-cache")
	}
	e.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusFound, s.landing()) })
	for _, p := range []string{"/start", "/sandbox", "/sandbox/*"} {
		if s.options.Mode == SovereignConsole && p == "/start" {
			continue
		}
		e.GET(p, page)
	}
}

// landing is the app's first page.
func (s *Server) landing() string {
	if s.options.Mode == SovereignConsole {
		return "/sandbox"
	}
	return "/start"
}

func (s *Server) asset(c echo.Context) error {
	name := path.Join("assets", path.Clean("/"+c.Param("*")))
	info, err := fs.Stat(s.options.App, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || err == nil && !info.Mode().IsRegular() {
		return fault.New(fault.NotFound, "there is no such file")
	}
	if err != nil {
		return err
	}
	raw, err := fs.ReadFile(s.options.App, name)
	if err != nil {
		return err
	}
	cache := "no-cache"
	if hashed.MatchString(name) {
		cache = "public, max-age=31536000, immutable"
	}
	return s.serve(c, name, raw, cache)
}

func (s *Server) serve(c echo.Context, name string, raw []byte, cache string) error {
	kind := mime.TypeByExtension(path.Ext(name))
	if strings.HasSuffix(name, ".webmanifest") {
		kind = "application/manifest+json"
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	sum := sha256.Sum256(raw)
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, kind)
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(raw))
	return nil
}
