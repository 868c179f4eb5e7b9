package whep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dongyue/internal/event"
	"dongyue/streams"
)

// parseTiles reads what an offer's sections are to show, in their order:
// cam-1:sub,cam-2:main,,cam-5. Sections that are not named are empty.
func parseTiles(list string, sections int) ([]wish, error) {
	wishes := make([]wish, sections)
	if list == "" {
		return wishes, nil
	}
	for i, entry := range strings.Split(list, ",") {
		if i >= sections {
			return nil, fmt.Errorf("tiles has more entries than the offer has video sections, which are %d", sections)
		}
		camera, stream, _ := strings.Cut(entry, ":")
		w, err := newWish(camera, stream)
		if err != nil {
			return nil, fmt.Errorf("tiles, entry %d (%q): %w", i+1, short(entry), err)
		}
		wishes[i] = w
	}
	return wishes, nil
}

// newWish checks what a viewer asks for. Whether there is such a camera is told by
// the tile, since it may be deleted at any time.
func newWish(camera, stream string) (wish, error) {
	if camera == "" {
		if stream != "" && stream != string(streams.Main) && stream != string(streams.Sub) {
			return wish{}, errors.New("stream must be main or sub")
		}
		return wish{}, nil
	}
	if !event.ValidDevice(camera) {
		return wish{}, errors.New("a camera's id matches [a-z0-9][a-z0-9-]{0,62}; GET /api/v1/cameras lists them")
	}
	switch q := streams.Quality(stream); q {
	case "":
		return wish{camera, streams.Sub}, nil
	case streams.Main, streams.Sub:
		return wish{camera, q}, nil
	}
	return wish{}, errors.New("stream must be main or sub")
}

// change is what one tile is to show from now on. What is left out stays.
type change struct {
	Mid    *string `json:"mid"`
	Camera *string `json:"camera"`
	Stream *string `json:"stream"`
}

// parseChanges reads the body of a PUT. Errors name the place.
func parseChanges(body []byte) ([]change, error) {
	var in struct {
		Tiles *[]change `json:"tiles"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf(`the body must be {"tiles":[{"mid":"0","camera":"cam-1","stream":"sub"}]}: %w`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on behind its end: send one JSON object")
	}
	if in.Tiles == nil {
		return nil, errors.New("tiles is missing: send the list of the tiles to change")
	}
	return *in.Tiles, nil
}

// apply changes the tiles that are named, all or, where something is wrong, none.
func (x *session) apply(changes []change) error {
	byMid := make(map[string]*tile, len(x.tiles))
	for _, t := range x.tiles {
		byMid[t.mid] = t
	}
	type pair struct {
		t *tile
		w wish
	}
	pairs := make([]pair, 0, len(changes))
	for i, c := range changes {
		if c.Mid == nil {
			return fmt.Errorf("tiles[%d].mid is missing: name the video section of the offer", i)
		}
		t := byMid[*c.Mid]
		if t == nil {
			return fmt.Errorf("tiles[%d].mid: the offer has no video section %q, or it is named twice here", i, short(*c.Mid))
		}
		delete(byMid, *c.Mid)
		w, err := t.with(c)
		if err != nil {
			return fmt.Errorf("tiles[%d]: %w", i, err)
		}
		pairs = append(pairs, pair{t, w})
	}
	for _, p := range pairs {
		p.t.change(p.w)
	}
	return nil
}

// with is the tile's wish with a change; another camera begins with its sub stream.
func (t *tile) with(c change) (wish, error) {
	t.mu.Lock()
	now := t.wish
	t.mu.Unlock()
	camera, stream := now.camera, ""
	if c.Camera != nil {
		camera = *c.Camera
	}
	if camera == now.camera {
		stream = string(now.stream)
	}
	if c.Stream != nil {
		stream = *c.Stream
	}
	return newWish(camera, stream)
}

// states tells what all tiles show.
func (x *session) states() []tileState {
	all := make([]tileState, 0, len(x.tiles))
	for _, t := range x.tiles {
		all = append(all, t.state())
	}
	return all
}

// short keeps an answer readable whatever was sent.
func short(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
