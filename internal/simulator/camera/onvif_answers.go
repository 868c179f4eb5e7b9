package camera

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// answer makes the body of an answer; ok is false for what it does not know.
func (v *ONVIF) answer(r *http.Request, d *device, c *command) (body string, ok bool) {
	base := "http://" + r.Host + "/" + d.ID + "/onvif/"
	switch c.XMLName.Local {
	case "GetSystemDateAndTime":
		t := time.Now().Add(d.ClockOff).UTC()
		return fmt.Sprintf(`<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>`+
			`<tt:UTCDateTime><tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time>`+
			`<tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`,
			t.Hour(), t.Minute(), t.Second(), t.Year(), t.Month(), t.Day()), true
	case "GetServices":
		var s strings.Builder
		for _, x := range [][2]string{{"ver10/device", "device_service"}, {"ver10/media", "media_service"}, {"ver10/events", "event_service"}, {"ver20/ptz", "ptz_service"}} {
			if d.PTZ || x[1] != "ptz_service" {
				s.WriteString(`<tds:Service><tds:Namespace>http://www.onvif.org/` + x[0] + `/wsdl</tds:Namespace><tds:XAddr>` + base + x[1] + `</tds:XAddr></tds:Service>`)
			}
		}
		return `<tds:GetServicesResponse>` + s.String() + `</tds:GetServicesResponse>`, true
	case "GetDeviceInformation":
		return `<tds:GetDeviceInformationResponse><tds:Manufacturer>Dongyue</tds:Manufacturer><tds:Model>Simulated</tds:Model><tds:FirmwareVersion>1.0</tds:FirmwareVersion>` +
			`<tds:SerialNumber>` + d.ID + `</tds:SerialNumber><tds:HardwareId>sim</tds:HardwareId></tds:GetDeviceInformationResponse>`, true
	case "GetProfiles":
		return `<trt:GetProfilesResponse>` + d.profile("main", 1280, 720, 25) + d.profile("sub", 640, 360, 12) + `</trt:GetProfilesResponse>`, true
	case "GetStreamUri":
		return `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>rtsp://` + v.o.RTSP().String() + `/` + d.ID + `/` + quality(c.ProfileToken) + `</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>`, true
	case "CreatePullPointSubscription", "Renew", "Unsubscribe", "PullMessages":
		return d.events(r.Context(), c, base), true
	}
	if !d.PTZ {
		return "", false
	}
	return d.ptz(c)
}

func quality(token string) string {
	if strings.HasSuffix(token, "sub") {
		return "sub"
	}
	return "main"
}

func (d *device) profile(q string, w, h, fps int) string {
	ptz := ""
	if d.PTZ {
		ptz = `<tt:PTZConfiguration token="ptz"><tt:Name>ptz</tt:Name><tt:NodeToken>node</tt:NodeToken></tt:PTZConfiguration>`
	}
	return fmt.Sprintf(`<trt:Profiles token="profile_%s" fixed="true"><tt:Name>%s</tt:Name><tt:VideoSourceConfiguration token="vs"><tt:SourceToken>v0</tt:SourceToken></tt:VideoSourceConfiguration>`+
		`<tt:VideoEncoderConfiguration token="enc_%s"><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>%d</tt:Width><tt:Height>%d</tt:Height></tt:Resolution>`+
		`<tt:RateControl><tt:FrameRateLimit>%d</tt:FrameRateLimit><tt:BitrateLimit>1024</tt:BitrateLimit></tt:RateControl></tt:VideoEncoderConfiguration>%s</trt:Profiles>`, q, q, q, w, h, fps, ptz)
}
