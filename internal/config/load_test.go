package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// problems loads a text and returns what is wrong with it, a line each.
func problems(t *testing.T, s Sources) string {
	t.Helper()
	c, err := Load(s)
	if err == nil {
		return ""
	}
	if c != nil {
		t.Error("a configuration was returned with an error")
	}
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	return p.Error()
}

// Each mistake, alone, is placed at its character and says what to do.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown section", "htpp:\n  addr: off\n", `f:1:1: htpp: no such setting; did you mean http?`},
		{"unknown key", "mqtt:\n  adr: :1\n", `f:2:3: mqtt.adr: no such setting; did you mean addr?`},
		{"swapped letters", "lgo: {}\n", `f:1:1: lgo: no such setting; did you mean log?`},
		{"unlike any", "rtsp:\n  retention: 1d\n", `f:2:3: rtsp.retention: no such setting; known here: addr`},
		{"unknown in flow style", "rtsp: {addr: off, port: 1}\n", `f:1:19: rtsp.port: no such setting; known here: addr`},
		{"twice", "log:\n  level: info\n  format: text\n  level: debug\n", `f:4:3: log.level: is already set in line 2; keep one of the two`},
		{"section twice", "log:\n  level: info\nlog:\n  format: json\n", `f:3:1: log: is already set in line 1; keep one of the two`},
		{"duration in words", "journal:\n  retention: 5 min\n", `f:2:14: journal.retention: "5 min" is not a duration; write 5m`},
		{"duration quoted", "journal:\n  retention: \"30 days\"\n", `f:2:14: journal.retention: "30 days" is not a duration; write 30d`},
		{"duration in Chinese", "journal:\n  retention: 30天\n", `f:2:14: journal.retention: "30天" is not a duration; write 30d`},
		{"duration without unit", "journal:\n  retention: 30\n", `f:2:14: journal.retention: "30" is not a duration; say the unit: 30s, 30m, 30h or 30d`},
		{"duration in weeks", "journal:\n  retention: 2w\n", `f:2:14: journal.retention: "2w" is not a duration; count weeks in days: 7d`},
		{"duration negative", "journal:\n  retention: -5m\n", `f:2:14: journal.retention: "-5m" is not a duration; write a number and a unit: 500ms, 30s, 5m, 12h or 30d`},
		{"duration too short", "journal:\n  retention: 5m\n", `f:2:14: journal.retention: is out of range; write a value from 1d to 3650d`},
		{"duration overflow", "journal:\n  retention: 99999999999d\n", `f:2:14: journal.retention: "99999999999d" is too long; write at most 36500d`},
		{"bare port", "http:\n  addr: 8080\n", `f:2:9: http.addr: "8080" has no host part; write :8080`},
		{"bare host", "http:\n  addr: localhost\n", `f:2:9: http.addr: "localhost" has no port; write localhost:PORT, or off`},
		{"address as URL", "http:\n  addr: http://localhost:80\n", `f:2:9: http.addr: "http://localhost:80" is not host:port; write 127.0.0.1:8080, :8080 for every interface, or off`},
		{"port out of range", "http:\n  addr: :65536\n", `f:2:9: http.addr: port "65536" is not a number from 0 to 65535; write the port in digits`},
		{"address empty", "http:\n  addr: \"\"\n", `f:2:9: http.addr: "" is not host:port; write 127.0.0.1:8080, :8080 for every interface, or off`},
		{"number as text", "mqtt:\n  max_connections: \"9\"\n", `f:2:20: mqtt.max_connections: wants a number, has text; write 9 without quotes`},
		{"number as word", "mqtt:\n  max_connections: many\n", `f:2:20: mqtt.max_connections: "many" is not a whole number; write digits only`},
		{"number with fraction", "mqtt:\n  max_connections: 1.5\n", `f:2:20: mqtt.max_connections: wants a whole number, has a number; write digits only`},
		{"number too large", "mqtt:\n  max_connections: 100001\n", `f:2:20: mqtt.max_connections: is out of range; write a value from 1 to 100000`},
		{"a channel's address", "notify:\n  wecom: {url: qyapi.weixin.qq.com}\n", `f:2:16: notify.wecom.url: is not an http or https address; write https://…, as the service shows it`},
		{"a key in the address is not repeated", "notify:\n  feishu: {url: \"ftp://x/SECRET\"}\n", `f:2:17: notify.feishu.url: is not an http or https address; write https://…, as the service shows it`},
		{"a signature without address", "notify:\n  dingtalk: {secret: SEC}\n", `f:2:22: notify.dingtalk.secret: does nothing without an address; set notify.dingtalk.url`},
		{"an address twice", "notify:\n  webhook: {url: \"https://a.example\", url_file: /x}\n", `f:2:49: notify.webhook.url_file: is set beside notify.webhook.url; keep one of the two`},
		{"mail without sender", "notify:\n  smtp: {addr: \"mail.example.org:587\"}\n", `f:2:3: notify.smtp.from: is empty; name the sender, as hub@example.org`},
		{"mail from a name", "notify:\n  smtp: {addr: \"mail.example.org:587\", from: hub}\n", `f:2:46: notify.smtp.from: is not a mail address; write hub@example.org, or 东岳中枢 <hub@example.org>`},
		{"mail without password", "notify:\n  smtp: {addr: \"m.example:587\", from: a@b.c, user: hub}\n", `f:2:52: notify.smtp.user: has no password; set notify.smtp.password_file`},
		{"a password in the clear", "notify:\n  smtp: {addr: \"m.example:25\", from: a@b.c, user: h, password: p, security: none}\n", `f:2:77: notify.smtp.security: would send the password in the clear; write starttls or tls, or leave user empty`},
		{"time zone", "site:\n  time_zone: Sichuan\n", `f:2:14: site.time_zone: is no time zone that is known: Sichuan; write a name of the IANA database, as Asia/Shanghai`},
		{"yes for true", "series:\n  influx:\n    enabled: yes\n", `f:3:14: series.influx.enabled: wants true or false, has "yes"; write true or false, without quotes`},
		{"number for text", "data:\n  dir: 12\n", `f:2:8: data.dir: wants text, has a number; put it in quotes`},
		{"true for text", "data:\n  dir: true\n", `f:2:8: data.dir: wants text, has true or false; put it in quotes`},
		{"enum", "log:\n  level: warning\n", `f:2:10: log.level: "warning" is not one of debug, info, warn, error; write one of them`},
		{"enum by case", "log:\n  level: INFO\n", `f:2:10: log.level: "INFO" is not one of debug, info, warn, error; did you mean info?`},
		{"list for section", "log: [a]\n", `f:1:6: log: wants keys and values, has a list; write its keys below it, two spaces deeper`},
		{"text for section", "log: info\n", `f:1:6: log: wants keys and values, has text; write its keys below it, two spaces deeper`},
		{"section for text", "data:\n  dir:\n    a: b\n", `f:3:6: data.dir: wants text, has keys and values; put it in quotes`},
		{"text for list", "webrtc:\n  hosts: 192.0.2.1\n", `f:2:10: webrtc.hosts: wants a list, has text; write [first, second]`},
		{"number in list", "webrtc:\n  hosts: [a, 1]\n", `f:2:14: webrtc.hosts[1]: wants text, has a number; put it in quotes`},
		{"bad host in list", "webrtc:\n  hosts: [\"http://a\"]\n", `f:2:10: webrtc.hosts: has an entry that is no address: http://a; write an IP address or a name, without scheme and port`},
		{"no value", "data:\n  dir:\n", `f:2:3: data.dir: has no value; write one, or remove the line`},
		{"root is a list", "- a\n", `f:1:1: wants keys and values, has a list; write its keys below it, two spaces deeper`},
		{"tab", "data:\n\tdir: a\n", "f:2:1: not YAML: found character '\t' that cannot start any token; indent with spaces, not tabs"},
		{"bracket left open", "webrtc:\n  hosts: [a\n", `f:2:10: not YAML: sequence end token ']' not found`},
		{"quote left open", "data:\n  dir: 'a\n", `f:2:8: not YAML: could not find end character of single-quoted text`},
		{"two documents", "data: {}\n---\nlog: {}\n", `f:3:4: a second document; keep one document in a file, without ---`},
		{"tag", "data:\n  dir: !!str 5\n", `f:2:8: data.dir: has the tag !!str; remove the tag`},
		{"no such anchor", "data:\n  dir: *d\n", `f:2:8: data.dir: no anchor &d in this file; write the value itself`},
		{"merge", "log:\n  <<: {level: info}\n", `f:2:3: log: merges another section; write the keys out`},
		{"certificate without key", "http:\n  tls:\n    cert: a.pem\n", `f:3:11: http.tls.cert: has no key; set http.tls.key too`},
		{"key without certificate", "mqtt:\n  key: a.pem\n", `f:2:8: mqtt.key: has no certificate; set mqtt.cert too`},
		{"authority alone", "mqtt:\n  client_ca: a.pem\n", `f:2:14: mqtt.client_ca: does nothing without the TLS listener; set mqtt.tls_addr`},
		{"burst below rate", "mqtt:\n  message_burst: 99\n", `f:2:18: mqtt.message_burst: is below mqtt.messages_per_s; write at least as much`},
		{"clips too long before", "clips:\n  before: 3m\n", `f:2:11: clips.before: is out of range; write a value from 0s to 2m`},
		{"clips of no stream", "clips:\n  stream: third\n", `f:2:11: clips.stream: "third" is not one of sub, main; write one of them`},
		{"clips without space", "clips: {max_gb: 0}\n", `f:1:17: clips.max_gb: is out of range; write a value from 1 to 100000`},
		{"clips among the databases", "data: {dir: d}\nclips: {dir: ./d/}\n", `f:2:14: clips.dir: is data.dir itself; name a folder of its own, or leave it empty`},
		{"empty folder", "data:\n  dir: \" \"\n", `f:2:8: data.dir: is empty; name a folder`},
		{"minutes shorter than points", "series:\n  retention: 60d\n", `f:1:1: series.rollup_retention: is shorter than series.retention; keep the minutes at least as long as the points`},
		{"idle longer than lifetime", "identity:\n  session_idle: 24h\n", `f:2:17: identity.session_idle: is longer than identity.session_lifetime; write at most that`},
		{"password twice", "identity:\n  admin_password: a\n  admin_password_file: b\n", `f:3:24: identity.admin_password_file: is set beside identity.admin_password; keep one of the two`},
		{"no scheme", "series:\n  influx: {enabled: true, url: localhost:8086}\n", `f:2:32: series.influx.url: is not an http or https address; write http://127.0.0.1:8086`},
		{"password in address", "series:\n  influx: {enabled: true, url: 'http://u:p@h'}\n", `f:2:32: series.influx.url: has a user or password in it; use series.influx.token_file`},
		{"no bucket", "series:\n  influx: {enabled: true, org: '', bucket: ''}\n", "f:2:32: series.influx.org: is empty; name the organisation that owns the bucket\nf:2:44: series.influx.bucket: is empty; name the bucket that takes the points"},
		{"public address without scheme", "http:\n  public_url: hub.example.com\n", `f:2:15: http.public_url: is not an http or https address; write https://hub.example.com`},
		{"public address with a path", "http:\n  public_url: https://a.example/hub\n", `f:2:15: http.public_url: has more in it than a scheme and a host; write https://hub.example.com, without path, user or query`},
		{"public name in the clear", "http:\n  public_url: http://a.example\n", `f:2:15: http.public_url: is a name without encryption; write https://: browsers let phones prove themselves, and keep pages for offline use, over https only`},
		{"one port for two", "mqtt:\n  addr: :8080\n", `f:2:9: mqtt.addr: is the port of http.addr; choose another port`},
		{"too large", strings.Repeat("#\n", maxFile), `f:1:1: the file has 131072 bytes; keep it under 65536`},
		{"too deep", "data: " + strings.Repeat("[", 33) + "\n", `f:1:39: nested too deeply; keep it under 32 levels`},
		{"off the globe", "site: {latitude: 91}\n", `f:1:18: site.latitude: must be from -90 to 90: 91; write degrees, north positive`},
		{"Chinese before it", "# 数据\nsite: {file: \"东岳\", 文件: \"a\"}\n", `f:2:20: site.文件: no such setting; known here: file, time_zone, latitude, longitude`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, problems(t, Sources{File: "f", Bytes: []byte(c.yaml)})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A person who made five mistakes learns of five, in the order of the lines.
func TestAllMistakesAtOnce(t *testing.T) {
	got := problems(t, Sources{
		File:  "dongyue.yaml",
		Bytes: []byte("data: {dirr: a}\nhttp:\n  addr: nowhere\nmqtt:\n  max_connections: 0\njournal:\n  retention: 1 hour\n"),
		Env:   []string{"DONGYUE_LOG_LEVEL=loud", "PATH=/bin"},
		Flags: map[string]string{"webrtc": "x", "colour": "red"},
	})
	want := `dongyue.yaml:1:8: data.dirr: no such setting; did you mean dir?
dongyue.yaml:3:9: http.addr: "nowhere" has no port; write nowhere:PORT, or off
dongyue.yaml:5:20: mqtt.max_connections: is out of range; write a value from 1 to 100000
dongyue.yaml:7:14: journal.retention: "1 hour" is not a duration; write 1h
environment DONGYUE_LOG_LEVEL: log.level: "loud" is not one of debug, info, warn, error; write one of them
flag --colour: no such setting
flag --webrtc: webrtc.addr: "x" has no port; write x:PORT, or off`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	c, err := Load(Sources{
		File:  "f",
		Bytes: []byte("http: {addr: \":1\"}\nmqtt: {addr: \":2\"}\ndata: {dir: file}\nlog: {level: warn}\nseries:\n"),
		Env:   []string{"DONGYUE_HTTP=:10", "DONGYUE_MQTT_ADDR=:20", "DONGYUE_DATA=env", "DONGYUE_RTSP=", "DONGYUE_ADMIN_PASSWORD=x=y", "DONGYUE_WEBRTC_HOSTS=a, b,"},
		Flags: map[string]string{"http": "127.0.0.1:0", "rtsp": "off"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HTTP.Addr, want.MQTT.Addr, want.Data.Dir, want.Log.Level = "127.0.0.1:0", ":20", "env", "warn"
	want.RTSP.Addr, want.Identity.AdminPassword, want.WebRTC.Hosts = Off, "x=y", []string{"a", "b"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnchorsAndDays(t *testing.T) {
	c, err := Load(Sources{File: "f", Bytes: []byte("\ufeffjournal:\n  retention: &keep 1d12h\nseries:\n  retention: *keep\nrules: # all commented out\n")})
	if err != nil || c.Journal.Retention != 36*time.Hour || c.Series.Retention != 36*time.Hour {
		t.Fatalf("got %v, %v", c, err)
	}
}

func TestCommentedFileIsTheDefaults(t *testing.T) {
	c, err := Load(Sources{File: "../../configs/dongyue.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c); diff != "" {
		t.Errorf("configs/dongyue.yaml differs from the defaults, -default +file:\n%s", diff)
	}
	b, err := os.ReadFile("../../configs/dongyue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	places, _ := decode("f", b, Default())
	lines := strings.Split(string(b), "\n")
	for _, f := range Fields() {
		tk, ok := places[f.Path]
		if !ok {
			t.Errorf("%s is not in configs/dongyue.yaml", f.Path)
			continue
		}
		if above := lines[tk.Position.Line-2]; !strings.HasPrefix(strings.TrimSpace(above), "# ") {
			t.Errorf("%s is not explained in the line above it", f.Path)
		}
	}
}

func TestEmptyAndMissingFile(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "{}"} {
		c, err := Load(Sources{File: "f", Bytes: []byte(text)})
		if err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestTypoInEnvironment(t *testing.T) {
	if got, want := problems(t, Sources{Env: []string{"DONGYUE_MQTT_ADR=:1", "DONGYUE_CONFIG=x", "DONGYUE_OTHER_TOOL=1"}}),
		"environment DONGYUE_MQTT_ADR: no such setting; did you mean DONGYUE_MQTT_ADDR?"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	c := Default()
	c.Series.Influx.Token = "hunter2"
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "token", c.Series.Influx.Token, "all", c)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "token", c.Series.Influx.Token, "all", c)
	for _, ch := range Diff(Default(), c) {
		b.WriteString(ch.From + ch.To)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), redacted) {
		t.Errorf("got %s", b.String())
	}
	if c.Series.Influx.Token.Reveal() != "hunter2" {
		t.Error("Reveal does not")
	}
}

func TestSecretFromFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte("abc\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := (Influx{TokenFile: name}).Secret(); err != nil || s != "abc" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	if _, err := (Identity{AdminPasswordFile: filepath.Dir(name)}).FirstPassword(); err == nil {
		t.Error("a folder was read as a secret")
	}
}
