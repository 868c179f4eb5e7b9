package dashboards

import (
	"embed"
	"io/fs"
	"net/http"
)

// dist is what `make web` built. Only .keep is in the repository.
//
//go:embed all:web/dist
var dist embed.FS

// Handler serves the apps that are inside this binary.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "web/dist")
	if err != nil { // the path is a constant that the compiler has seen
		return NewHandler(dist)
	}
	return NewHandler(files)
}
