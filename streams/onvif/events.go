package onvif

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/streams"
)

// Event is something that a camera has noticed.
type Event struct {
	At     time.Time // by our clock
	Kind   string    // motion, input, tamper, line_crossed, intrusion, video_loss
	Source string    // which window or input of the camera, as it names it
	Active bool
	Moment bool // it has no state: it happens and is over
}

// Times of a subscription.
const (
	subscribeFor = time.Minute
	pullFor      = 5 * time.Second
	maxMessages  = 50
)

// subscription is a PullPoint (Core, 9.2).
type subscription struct {
	c      *Client
	to     string
	header string // what the camera wants to be told with each call
	ends   time.Time
}

// subscribe makes a PullPoint.
func (c *Client) subscribe(ctx context.Context) (*subscription, error) {
	to, err := c.to(nsEvents)
	if err != nil {
		return nil, err
	}
	const action = nsEvents + "/EventPortType/CreatePullPointSubscriptionRequest"
	n, err := c.call(ctx, request{
		to: to, action: action, header: addressing(to, action),
		body: `<CreatePullPointSubscription xmlns="` + nsEvents + `"><InitialTerminationTime>PT60S</InitialTerminationTime></CreatePullPointSubscription>`,
	})
	if err != nil {
		return nil, err
	}
	ref := n.at("SubscriptionReference")
	s := &subscription{c: c, ends: time.Now().Add(subscribeFor)}
	if s.to, err = c.near(ref.say("Address")); err != nil {
		s.to = to
	}
	// What is in the reference goes back as headers (WS-Addressing SOAP Binding, 2.1).
	if p := ref.at("ReferenceParameters"); p != nil && len(p.kids) <= 8 {
		for _, k := range p.kids {
			s.header += `<r:` + escape(k.name) + ` xmlns:r="` + escape(k.space) + `" xmlns:a="` + nsWSA + `" a:IsReferenceParameter="true">` + escape(k.text) + `</r:` + escape(k.name) + `>`
		}
	}
	return s, nil
}

func addressing(to, action string) string {
	return `<a:Action s:mustUnderstand="1" xmlns:a="` + nsWSA + `">` + action + `</a:Action><a:To s:mustUnderstand="1" xmlns:a="` + nsWSA + `">` + escape(to) + `</a:To>`
}

func (s *subscription) call(ctx context.Context, action, body string, within time.Duration) (*node, error) {
	return s.c.call(ctx, request{to: s.to, action: action, header: addressing(s.to, action) + s.header, body: body, within: within})
}

// pull waits for events and renews the subscription ahead of its end.
func (s *subscription) pull(ctx context.Context) ([]Event, error) {
	if time.Until(s.ends) < subscribeFor/2 {
		if err := s.renew(ctx); err != nil {
			return nil, err
		}
	}
	n, err := s.call(ctx, nsEvents+"/PullPointSubscription/PullMessagesRequest",
		fmt.Sprintf(`<PullMessages xmlns="%s"><Timeout>PT%dS</Timeout><MessageLimit>%d</MessageLimit></PullMessages>`, nsEvents, int(pullFor.Seconds()), maxMessages), pullFor+callTimeout)
	if err != nil {
		return nil, err
	}
	return s.c.events(n), nil
}

func (s *subscription) renew(ctx context.Context) error {
	_, err := s.call(ctx, "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest",
		`<Renew xmlns="`+nsNotify+`"><TerminationTime>PT60S</TerminationTime></Renew>`, 0)
	var f *Fault
	if errors.As(err, &f) && !errors.Is(err, streams.ErrAuth) { // some know no Renew and go on by being asked
		err = nil
	}
	if err == nil {
		s.ends = time.Now().Add(subscribeFor)
	}
	return err
}

// close gives the subscription back; cameras have few.
func (s *subscription) close(ctx context.Context) {
	_, _ = s.call(ctx, "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest", `<Unsubscribe xmlns="`+nsNotify+`"/>`, 2*time.Second)
}

// events reads the messages of an answer; what the hub has no word for is left out.
func (c *Client) events(n *node) (list []Event) {
	for _, m := range n.all("NotificationMessage") {
		if len(list) == maxMessages {
			break
		}
		if e, ok := message(m); ok {
			if at, err := time.Parse(time.RFC3339, m.at("Message", "Message").attr("UtcTime")); err == nil {
				e.At = at.Add(-c.offset)
			}
			// A clock that jumps must not put an event into another day.
			if d := time.Since(e.At); d < -time.Minute || d > time.Minute {
				e.At = time.Now()
			}
			list = append(list, e)
		}
	}
	return list
}

func message(m *node) (e Event, ok bool) {
	topic := m.say("Topic")
	for i, part := range strings.Split(topic, "/") { // prefixes are the maker's
		if _, name, found := strings.Cut(part, ":"); found && i == 0 {
			topic = name + strings.TrimPrefix(topic, part)
		}
	}
	if e.Kind = kindOf(topic); e.Kind == "" {
		return e, false
	}
	body := m.at("Message", "Message")
	for _, item := range body.at("Source").all("SimpleItem") {
		if e.Source == "" || strings.Contains(item.attr("Name"), "Input") {
			e.Source = brief(item.attr("Value"))
		}
	}
	for _, item := range body.at("Data").all("SimpleItem") {
		switch strings.ToLower(item.attr("Name")) {
		case "ismotion", "state", "logicalstate", "istamper", "isinside", "motion", "value":
			switch strings.ToLower(item.attr("Value")) {
			case "true", "1", "active", "on":
				e.Active, ok = true, true
			case "false", "0", "inactive", "off":
				ok = true
			}
		}
	}
	if e.Kind == "line_crossed" { // it says who crossed, not that it goes on
		e.Active, e.Moment, ok = true, true, true
	}
	return e, ok
}

// kindOf gives the topics of the standard (Core, annex; Imaging; Analytics) and
// those that makers have beside them the hub's word.
func kindOf(topic string) string {
	switch {
	case strings.HasSuffix(topic, "CellMotionDetector/Motion"), strings.HasSuffix(topic, "MotionRegionDetector/Motion"),
		strings.HasSuffix(topic, "VideoSource/MotionAlarm"), strings.HasSuffix(topic, "VideoAnalytics/Motion"):
		return "motion"
	case strings.HasSuffix(topic, "Trigger/DigitalInput"), strings.HasSuffix(topic, "IO/Port"):
		return "input"
	case strings.Contains(topic, "GlobalSceneChange"), strings.HasSuffix(topic, "TamperDetector/Tamper"), strings.Contains(topic, "ImageTooDark"), strings.Contains(topic, "ImageTooBlurry"), strings.HasSuffix(topic, "Tampering"):
		return "tamper"
	case strings.HasSuffix(topic, "LineDetector/Crossed"):
		return "line_crossed"
	case strings.HasSuffix(topic, "FieldDetector/ObjectsInside"):
		return "intrusion"
	case strings.HasSuffix(topic, "VideoSource/SignalLoss"):
		return "video_loss"
	}
	return ""
}
