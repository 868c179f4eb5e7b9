package camera

import (
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"net/url"
)

// discovery answers WS-Discovery on the loopback interface, where the simulated
// cameras are.
func (v *ONVIF) discovery(ctx context.Context) error {
	lo, err := loopback()
	if err != nil {
		return err
	}
	conn, err := net.ListenMulticastUDP("udp4", lo, &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 3702})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	b := make([]byte, 16<<10)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // closed for the end
			}
			return fmt.Errorf("read: %w", err)
		}
		var q struct {
			ID    string `xml:"Header>MessageID"`
			Probe *struct {
				Types string
			} `xml:"Body>Probe"`
		}
		if xml.Unmarshal(b[:n], &q) != nil || q.Probe == nil || !from.Addr().Unmap().IsLoopback() {
			continue
		}
		for _, c := range v.o.Cameras {
			_, _ = conn.WriteToUDPAddrPort(v.match(c, q.ID), from)
		}
	}
}

func loopback() (*net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Flags&net.FlagLoopback != 0 && all[i].Flags&net.FlagUp != 0 {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("no loopback interface")
}

func (v *ONVIF) match(c ONVIFCamera, id string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">`+
		`<e:Header><w:RelatesTo>%s</w:RelatesTo><w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>`+
		`<w:EndpointReference><w:Address>urn:uuid:dongyue-%s</w:Address></w:EndpointReference><d:Types xmlns:n="http://www.onvif.org/ver10/network/wsdl">n:NetworkVideoTransmitter</d:Types>`+
		`<d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/%s onvif://www.onvif.org/hardware/Simulated</d:Scopes><d:XAddrs>%s</d:XAddrs>`+
		`<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>`, xmlText(id), c.ID, url.PathEscape(c.Name), v.Address(c.ID))
}

func xmlText(s string) string {
	b, err := xml.Marshal(s)
	if err != nil || len(b) < len("<string></string>") {
		return ""
	}
	return string(b[len("<string>") : len(b)-len("</string>")])
}
