package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
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
	s.appRoute(e, "/assets/*", s.asset)
	s.appRoute(e, worker, s.serviceWorker)
	page := func(c echo.Context) error { return s.page(c, http.StatusOK) }
	s.appRoute(e, "/", func(c echo.Context) error {
		if _, ok := s.appAt(c.Request()); ok {
			return page(c)
		}
		return c.Redirect(http.StatusFound, s.landing())
	})
	for _, p := range []string{"/start", "/signin", "/join", "/authorize", "/sandbox", "/sandbox/*"} {
		if s.options.Mode == SovereignConsole && (p == "/start" || p == "/authorize") {
			continue
		}
		s.appRoute(e, p, page)
	}
}

// isFile is true where the answer is a page or an asset.
func (s *Server) isFile(c echo.Context) bool {
	switch c.Path() {
	case "/", "/assets/*", worker, "/start", "/signin", "/join", "/authorize", "/sandbox", "/sandbox/*":
		return true
	}
	return wantsPage(c.Request())
}

// landing is the app's first page.
func (s *Server) landing() string {
	if s.options.Mode == SovereignConsole {
		return s.base + "/sandbox"
	}
	return s.base + "/start"
}

// page answers with the app, which finds its page by the address.
func (s *Server) page(c echo.Context, status int) error {
	return s.files.index().serve(c, status, "no-cache")
}

// wantsPage is true where a browser asks for a page, so that what went wrong is
// said by the app and not by a problem in JSON.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get(echo.HeaderAccept), "text/html") &&
		!strings.HasPrefix(r.URL.Path, "/assets/") && !strings.HasPrefix(r.URL.Path, "/api/")
}

// worker is the app's service worker, for notifications. It is not below /assets/,
// as a worker is only for pages below its own folder.
const worker = "/notify.js"

func (s *Server) serviceWorker(c echo.Context) error {
	f, ok := s.files.get(strings.TrimPrefix(worker, "/"))
	if !ok {
		return fault.New(fault.NotFound, "there is no such file")
	}
	return f.serve(c, http.StatusOK, "no-cache")
}

func (s *Server) asset(c echo.Context) error {
	name := path.Join("assets", path.Clean("/"+c.Param("*")))
	f, ok := s.files.get(name)
	if !ok || strings.HasSuffix(name, brotliSuffix) {
		return fault.New(fault.NotFound, "there is no such file")
	}
	cache := "no-cache"
	if hashed.MatchString(name) {
		cache = "public, max-age=31536000, immutable"
	}
	return f.serve(c, http.StatusOK, cache)
}

// brotliSuffix ends the name of a file's twin that the app's build compressed.
const brotliSuffix = ".br"

// files are the app's files, read and compressed once, when first asked for.
type files struct {
	app  fs.FS
	base string

	mu     sync.Mutex
	byName map[string]*file
	page   *file
}

func newFiles(app fs.FS, base string) *files {
	return &files{app: app, base: base, byName: map[string]*file{}}
}

// file is one file in the encodings that it is worth having in.
type file struct {
	name, kind string
	raw        []byte
	br, gz     []byte // nil: not smaller, or not there
	tag        string
}

// get gives a file of the app; ok is false where there is none of that name.
func (f *files) get(name string) (*file, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byName[name]; known != nil {
		return known, true
	}
	info, err := fs.Stat(f.app, name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	raw, err := fs.ReadFile(f.app, name)
	if err != nil {
		return nil, false
	}
	made := newFile(name, raw)
	made.br, _ = fs.ReadFile(f.app, name+brotliSuffix)
	f.byName[name] = made
	return made, true
}

// index is the app's page. Its assets are named from the root, as it stands at
// addresses of any depth.
func (f *files) index() *file {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.page == nil {
		raw, err := fs.ReadFile(f.app, "index.html")
		if err != nil {
			raw = []byte(notBuilt)
		}
		f.page = newFile("index.html", bytes.ReplaceAll(raw, []byte(`"./assets/`), []byte(`"`+html.EscapeString(f.base)+`/assets/`)))
	}
	return f.page
}

// packed are the kinds of files that are compressed already.
var packed = regexp.MustCompile(`\.(png|woff2?|ico)$`)

func newFile(name string, raw []byte) *file {
	sum := sha256.Sum256(raw)
	f := &file{name: name, raw: raw, kind: mime.TypeByExtension(path.Ext(name)), tag: hex.EncodeToString(sum[:12])}
	switch path.Ext(name) {
	case ".webmanifest":
		f.kind = "application/manifest+json"
	case ".woff2":
		f.kind = "font/woff2"
	case "":
		f.kind = "application/octet-stream"
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if len(raw) < 512 || packed.MatchString(name) {
		return f
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(raw)
	}
	if err == nil && z.Close() == nil && b.Len() < len(raw) {
		f.gz = b.Bytes()
	}
	return f
}

// serve answers with the smallest form that the client takes.
func (f *file) serve(c echo.Context, status int, cache string) error {
	h := c.Response().Header()
	content, tag := f.raw, f.tag
	if f.br != nil || f.gz != nil {
		h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		taken := encodings(c.Request().Header.Get(echo.HeaderAcceptEncoding))
		switch {
		case f.br != nil && taken["br"]:
			content, tag = f.br, f.tag+"-br"
			h.Set(echo.HeaderContentEncoding, "br")
		case f.gz != nil && taken["gzip"]:
			content, tag = f.gz, f.tag+"-gz"
			h.Set(echo.HeaderContentEncoding, "gzip")
		}
	}
	h.Set(echo.HeaderContentType, f.kind)
	h.Set("Cache-Control", cache)
	if status != http.StatusOK {
		// What went wrong has no version to compare with.
		h.Set("Cache-Control", "no-store")
		return c.Blob(status, f.kind, content)
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(c.Response(), c.Request(), f.name, time.Time{}, bytes.NewReader(content))
	return nil
}

// encodings are the ones that an Accept-Encoding header takes, "*" not read.
func encodings(accept string) map[string]bool {
	out := map[string]bool{}
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if _, value, ok := strings.Cut(params, "="); ok {
			if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				q = n
			}
		}
		out[strings.ToLower(strings.TrimSpace(name))] = q > 0
	}
	return out
}
