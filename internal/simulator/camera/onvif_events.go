package camera

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// longestPull is how long an answer is kept back for something to happen.
const longestPull = 5 * time.Second

// events answers the event service. There is one subscription as far as it goes:
// each pull tells the state anew when it has changed, or at the first pull.
func (d *device) events(ctx context.Context, c *command, base string) string {
	now := time.Now().Add(d.ClockOff).UTC()
	times := `<wsnt:CurrentTime>` + now.Format(time.RFC3339) + `</wsnt:CurrentTime><wsnt:TerminationTime>` + now.Add(time.Minute).Format(time.RFC3339) + `</wsnt:TerminationTime>`
	switch c.XMLName.Local {
	case "CreatePullPointSubscription":
		d.mu.Lock()
		d.subs++
		n := d.subs
		d.mu.Unlock()
		return fmt.Sprintf(`<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa:Address>%spull%d</wsa:Address></tev:SubscriptionReference>%s</tev:CreatePullPointSubscriptionResponse>`, base, n, times)
	case "Renew":
		return `<wsnt:RenewResponse>` + times + `</wsnt:RenewResponse>`
	case "Unsubscribe":
		return `<wsnt:UnsubscribeResponse/>`
	}
	d.mu.Lock()
	changed := d.changed
	d.mu.Unlock()
	wait := time.NewTimer(longestPull)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-wait.C:
	}
	d.mu.Lock()
	motion, covered, crossed := d.motion, d.covered, d.crossed
	d.crossed = 0
	d.mu.Unlock()
	at := now.Format(time.RFC3339)
	messages := message("RuleEngine/CellMotionDetector/Motion", at, "IsMotion", motion) + message("VideoSource/GlobalSceneChange/ImagingService", at, "State", covered) +
		strings.Repeat(message("RuleEngine/LineDetector/Crossed", at, "ObjectId", 7), crossed)
	return fmt.Sprintf(`<tev:PullMessagesResponse><tev:CurrentTime>%s</tev:CurrentTime><tev:TerminationTime>%s</tev:TerminationTime>%s</tev:PullMessagesResponse>`,
		at, now.Add(time.Minute).Format(time.RFC3339), messages)
}

// message is one notification with one item.
func message(topic, at, name string, value any) string {
	return fmt.Sprintf(`<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:%s</wsnt:Topic>`+
		`<wsnt:Message><tt:Message UtcTime="%s" PropertyOperation="Changed"><tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="v0"/></tt:Source>`+
		`<tt:Data><tt:SimpleItem Name="%s" Value="%v"/></tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>`, topic, at, name, value)
}
