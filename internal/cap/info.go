package cap

import (
	"fmt"

	"github.com/beevik/etree"
)

func info(up *reader, path string, e *etree.Element) (x Info) {
	r := childrenOf(path, e)
	if x.Language = r.optional("language"); x.Language == "" {
		x.Language = "en-US" // 3.2.2
	}
	x.Categories = r.words("category", "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other")
	if len(x.Categories) == 0 {
		r.fail(path+"/category", "is missing")
	}
	x.Event = r.must("event")
	x.ResponseTypes = r.words("responseType", "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
	x.Urgency = r.word("urgency", "Immediate", "Expected", "Future", "Past", "Unknown")
	x.Severity = r.word("severity", "Extreme", "Severe", "Moderate", "Minor", "Unknown")
	x.Certainty = r.word("certainty", "Observed", "Likely", "Possible", "Unlikely", "Unknown")
	r.optional("audience")
	x.EventCodes = r.values("eventCode")
	x.Effective, x.Onset, x.Expires = r.time("effective"), r.time("onset"), r.time("expires")
	x.SenderName, x.Headline = r.optional("senderName"), r.optional("headline")
	x.Description, x.Instruction = r.optional("description"), r.optional("instruction")
	x.Web, x.Contact = r.optional("web"), r.optional("contact")
	x.Parameters = r.values("parameter")
	for r.element("resource") != nil { // nothing is fetched
	}
	for e := r.element("area"); e != nil && r.err == nil; e = r.element("area") {
		x.Areas = append(x.Areas, area(r, fmt.Sprintf("%s/area[%d]", path, len(x.Areas)+1), e))
	}
	up.end(r)
	return x
}

func area(up *reader, path string, e *etree.Element) (a Area) {
	r := childrenOf(path, e)
	a.Desc = r.must("areaDesc")
	for _, s := range r.words("polygon") {
		p, err := parsePolygon(s)
		if err != nil {
			r.fail(path+"/polygon", "%v", err)
			break
		}
		a.Polygons = append(a.Polygons, p)
	}
	for _, s := range r.words("circle") {
		c, err := parseCircle(s)
		if err != nil {
			r.fail(path+"/circle", "%v", err)
			break
		}
		a.Circles = append(a.Circles, c)
	}
	a.Geocodes = r.values("geocode")
	r.optional("altitude")
	r.optional("ceiling")
	up.end(r)
	return a
}
