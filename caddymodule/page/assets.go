package page

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxBrandFile bounds what an operator's logo or style sheet may weigh: each
// login on a phone has to fetch it.
const maxBrandFile = 256 << 10

// logoTypes are the kinds of picture that browsers show everywhere.
var logoTypes = map[string]string{
	".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
}

// file is one served asset.
type file struct {
	kind string // content type
	body []byte
}

// shelf holds the assets under their name with hash, and the current name of each plain one.
type shelf struct {
	prefix  string
	files   map[string]file
	current map[string]string // "gateway.css" -> "gateway-0123456789abcdef.css"
}

// put files body away and returns the path under which browsers find it.
func (s *shelf) put(name, kind string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
	s.files[hashed] = file{kind, body}
	s.current[name] = hashed
	return s.prefix + "/assets/" + hashed
}

// links are the addresses of the assets that a page refers to.
type links struct {
	Icon, Logo, Script, Passkeys string
	Styles                       []string
	// AdminStyles are those of the admin path, which no theme changes.
	AdminStyles []string
}

const (
	typeCSS    = "text/css; charset=utf-8"
	typeScript = "text/javascript; charset=utf-8"
)

// loadAssets gathers our own files and the operator's.
func loadAssets(files fs.FS, o Options) (*shelf, links, error) {
	s := &shelf{prefix: o.Prefix, files: map[string]file{}, current: map[string]string{}}
	var l links
	colour, err := parseColour(o.Brand.Colour)
	if err != nil {
		return nil, l, err
	}
	sheet, err := fs.ReadFile(files, "style/gateway.css")
	if err != nil {
		return nil, l, fmt.Errorf("style: %w", err)
	}
	script, err := fs.ReadFile(files, "script/login.js")
	if err != nil {
		return nil, l, fmt.Errorf("script: %w", err)
	}
	l.Styles = []string{
		s.put("gateway.css", typeCSS, sheet),
		s.put("brand.css", typeCSS, []byte(brandSheet(colour))),
	}
	admin, err := fs.ReadFile(files, "style/admin.css")
	if err != nil {
		return nil, l, fmt.Errorf("style: %w", err)
	}
	l.AdminStyles = append(slices.Clone(l.Styles), s.put("admin.css", typeCSS, admin))
	l.Script = s.put("login.js", typeScript, script)
	watch, err := fs.ReadFile(files, "script/session.js")
	if err != nil {
		return nil, l, fmt.Errorf("script: %w", err)
	}
	s.put("session.js", typeScript, watch)
	passkeys, err := fs.ReadFile(files, "script/passkey.js")
	if err != nil {
		return nil, l, fmt.Errorf("script: %w", err)
	}
	l.Passkeys = s.put("passkey.js", typeScript, passkeys)
	l.Icon = s.put("icon.svg", logoTypes[".svg"], []byte(brandIcon(colour, o.Brand.Name)))
	return s, l, s.addBrandFiles(o.Brand, &l)
}

func (s *shelf) addBrandFiles(b Brand, l *links) error {
	if b.Logo != "" {
		ext := strings.ToLower(filepath.Ext(b.Logo))
		kind, ok := logoTypes[ext]
		if !ok {
			return fmt.Errorf("brand logo %s: use an svg, png, webp, jpg or gif file", b.Logo)
		}
		body, err := readBrandFile("brand logo", b.Logo)
		if err != nil {
			return err
		}
		l.Logo = s.put("logo"+ext, kind, body)
	}
	if b.Stylesheet != "" {
		body, err := readBrandFile("brand style sheet", b.Stylesheet)
		if err != nil {
			return err
		}
		l.Styles = append(l.Styles, s.put("theme.css", typeCSS, body))
	}
	return nil
}

func readBrandFile(what, name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: check the path and that the gateway may read it", what, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBrandFile {
		return nil, fmt.Errorf("%s %s: must be a file of at most %d KiB", what, name, maxBrandFile>>10)
	}
	body, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return body, nil
}

// Assets serves style, script and pictures below <prefix>/assets/. A name with
// an outdated hash gets the current file uncached: while versions change, a page
// of one node may ask another node for its style.
func (p *Renderer) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Login-Gateway", "1")
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := path.Base(r.URL.Path)
		found, ok := p.shelf.files[name]
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		if !ok {
			header.Set("Cache-Control", "no-store")
			found, ok = p.shelf.files[p.shelf.current[plainName(name)]]
		}
		if !ok {
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		header.Set("Content-Type", found.kind)
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		// An SVG opened by itself is a document and must not run script here.
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		header.Set("Content-Length", strconv.Itoa(len(found.body)))
		_, _ = w.Write(found.body) // a visitor who is gone is no error of ours
	})
}

// plainName turns "gateway-0123456789abcdef.css" into "gateway.css".
func plainName(name string) string {
	ext := path.Ext(name)
	stem, _, _ := strings.Cut(name, "-")
	return strings.TrimSuffix(stem, ext) + ext
}
