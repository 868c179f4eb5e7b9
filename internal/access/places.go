package access

import (
	"fmt"
	"net/url"

	"dongyue/internal/event"
)

// Places knows the address of a zone: the names of the zones around it, from the
// widest to itself.
type Places interface {
	Way(zone string) []event.Text
}

// VisitPlace is a door as a visitor has to find it.
type VisitPlace struct {
	Name     string       `json:"name"`
	Way      []event.Text `json:"way" doc:"names of the zones to go through, the widest first"`
	Vehicles bool         `json:"vehicles" doc:"a barrier for cars: it opens by the plate"`
}

func (x *Access) way(zone string) []event.Text {
	if x.places == nil || zone == "" {
		return []event.Text{}
	}
	return append([]event.Text{}, x.places.Way(zone)...)
}

// publicURL reads the address under which people reach the hub; nil: as they did.
func publicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("access: public URL %q is not an http or https address", text)
	}
	return u, nil
}

// link is the whole address of a path of this hub; a path where no address is known.
func (x *Access) link(path string) string {
	if x.public == nil {
		return path
	}
	return x.public.Scheme + "://" + x.public.Host + path
}

// siteHost is the host name under which phones prove themselves: the configured one,
// so that a phone that was registered under it is known however the hub was asked.
func (x *Access) siteHost(asked string) string {
	if x.public == nil {
		return asked
	}
	return x.public.Host
}
