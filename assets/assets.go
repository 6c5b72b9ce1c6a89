// Package assets carries the hand-written files that the gateway shows: page
// templates, style, script and words. It owns nothing but the embedding; what
// becomes of the files is the business of the packages that read them.
package assets

import "embed"

// Files holds pages/, style/, script/, words/ and mail/ as they lie in this folder.
//
//go:embed pages style script words mail
var Files embed.FS
