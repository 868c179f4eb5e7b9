package config

import "time"

// Config is every setting of the hub. The tags of a field say: yaml its key, doc
// its meaning, reload what a change costs, enum and range what it may be, flag
// its short command-line name, env its short environment name, file that it is
// the path of a file.
type Config struct {
	Data     Data     `yaml:"data" doc:"where the hub keeps what it knows"`
	Site     Site     `yaml:"site" doc:"the community this hub serves"`
	HTTP     HTTP     `yaml:"http" doc:"screens and API"`
	MQTT     MQTT     `yaml:"mqtt" doc:"the door for devices"`
	WebRTC   WebRTC   `yaml:"webrtc" doc:"live pictures to browsers"`
	RTSP     RTSP     `yaml:"rtsp" doc:"the simulated cameras of the demonstration"`
	Journal  Journal  `yaml:"journal" doc:"the record of what devices were told is safe"`
	Series   Series   `yaml:"series" doc:"telemetry over time"`
	Rules    Rules    `yaml:"rules" doc:"what raises an alarm"`
	Identity Identity `yaml:"identity" doc:"people who sign in"`
	Log      Log      `yaml:"log" doc:"what the hub writes about itself, on standard error"`
}

// Data says where the hub keeps its files.
type Data struct {
	Dir string `yaml:"dir" reload:"restart" flag:"data" doc:"folder of the databases; one hub per folder"`
}

// Site names the description of the community.
type Site struct {
	File string `yaml:"file" reload:"restart" file:"true" doc:"zones, devices and cameras to begin with; empty: the registry alone says what exists"`
}

// HTTP is the listener of screens and API.
type HTTP struct {
	Addr Addr `yaml:"addr" reload:"component" flag:"http" doc:"host:port of the screens and the API; off closes it"`
	TLS  TLS  `yaml:"tls" doc:"both files make it HTTPS; both empty leave it HTTP"`
}

// TLS is a certificate and its key, as PEM files.
type TLS struct {
	Cert string `yaml:"cert" reload:"component" file:"true" doc:"PEM file of the certificate and its chain"`
	Key  string `yaml:"key" reload:"component" file:"true" doc:"PEM file of the private key"`
}

// MQTT is the broker's listeners and what one device may use.
type MQTT struct {
	Addr           Addr     `yaml:"addr" reload:"component" flag:"mqtt" doc:"host:port without encryption; keep it on loopback or a closed network; off closes it"`
	TLSAddr        Addr     `yaml:"tls_addr" reload:"component" flag:"mqtts" doc:"host:port with TLS, usually :8883; off closes it"`
	Cert           string   `yaml:"cert" reload:"component" file:"true" doc:"PEM file of the TLS listener's certificate and its chain; empty: the hub's own authority signs one"`
	Key            string   `yaml:"key" reload:"component" file:"true" doc:"PEM file of its private key"`
	ClientCA       string   `yaml:"client_ca" reload:"component" file:"true" doc:"PEM file of another authority that signs device certificates, beside the hub's own"`
	OpenTopics     []string `yaml:"open_topics" reload:"component" doc:"topic filters outside dy/ that every client may publish and subscribe to, passed on but not stored; empty: none"`
	AnonymousOpen  bool     `yaml:"anonymous_open" reload:"component" doc:"let clients without a user name in, to mqtt.open_topics only; for conformance tests"`
	MaxConnections int      `yaml:"max_connections" reload:"component" range:"1..100000" doc:"devices connected at one time"`
	MessagesPerS   int      `yaml:"messages_per_s" reload:"component" range:"1..100000" doc:"messages one device may send in a second, over time"`
	MessageBurst   int      `yaml:"message_burst" reload:"component" range:"1..100000" doc:"messages it may send at once before that limit bites"`
}

// WebRTC is the one port of all live pictures.
type WebRTC struct {
	Addr  Addr     `yaml:"addr" reload:"component" flag:"webrtc" doc:"host:port, UDP and TCP, of all live pictures; off closes it"`
	Hosts []string `yaml:"hosts" reload:"component" doc:"addresses browsers reach this box by, when it can't see them itself (containers, NAT)"`
}

// RTSP is the port of the simulated cameras.
type RTSP struct {
	Addr Addr `yaml:"addr" reload:"restart" flag:"rtsp" doc:"host:port of the simulated cameras; used by the demonstration only"`
}

// Journal is how long the record of events is kept.
type Journal struct {
	Retention time.Duration `yaml:"retention" reload:"live" range:"1d..3650d" doc:"how long events are kept"`
}

// Series is the telemetry store.
type Series struct {
	Retention       time.Duration `yaml:"retention" reload:"live" range:"1h..3650d" doc:"how long every single point is kept"`
	RollupRetention time.Duration `yaml:"rollup_retention" reload:"live" range:"1d..3650d" doc:"how long lowest, highest and mean of each minute are kept"`
	Influx          Influx        `yaml:"influx" doc:"a copy of every point in InfluxDB 2, or a server that takes its writes"`
}

// Influx is the server that gets a copy of the telemetry.
type Influx struct {
	Enabled   bool          `yaml:"enabled" reload:"component" doc:"whether points are copied"`
	URL       string        `yaml:"url" reload:"component" doc:"http or https address of the server"`
	Org       string        `yaml:"org" reload:"component" doc:"organisation that owns the bucket"`
	Bucket    string        `yaml:"bucket" reload:"component" doc:"bucket that takes the points"`
	Token     Secret        `yaml:"token" reload:"component" doc:"token that may write to the bucket; better in token_file or the environment"`
	TokenFile string        `yaml:"token_file" reload:"component" file:"true" doc:"file that holds the token"`
	Batch     int           `yaml:"batch" reload:"component" range:"1..10000" doc:"most points in one write"`
	Timeout   time.Duration `yaml:"timeout" reload:"component" range:"1s..5m" doc:"how long one write may take"`
}

// Rules names the folder of the rules.
type Rules struct {
	Dir string `yaml:"dir" reload:"live" doc:"folder of *.yaml rules; empty: the rules that come with the hub"`
}

// Identity is how people sign in and for how long.
type Identity struct {
	SessionLifetime   time.Duration `yaml:"session_lifetime" reload:"live" range:"5m..365d" doc:"after this, sign in again; one shift and its hand-over fit in"`
	SessionIdle       time.Duration `yaml:"session_idle" reload:"live" range:"1m..365d" doc:"a session not used for so long ends"`
	LoginsPerMinute   int           `yaml:"logins_per_minute" reload:"live" range:"1..600" doc:"wrong passwords one address may send in a minute"`
	AdminPassword     Secret        `yaml:"admin_password" reload:"restart" env:"ADMIN_PASSWORD" doc:"the administrator's first password; empty: one is made and printed once"`
	AdminPasswordFile string        `yaml:"admin_password_file" reload:"restart" file:"true" doc:"file that holds it"`
}

// Log is the hub's own log.
type Log struct {
	Level  string `yaml:"level" reload:"live" flag:"log-level" enum:"debug|info|warn|error" doc:"the least important line that is written"`
	Format string `yaml:"format" reload:"restart" flag:"log-format" enum:"text|json" doc:"for people or for machines"`
}

const day = 24 * time.Hour

// Default returns the settings of a hub without a file. configs/dongyue.yaml
// holds the same values, which a test checks.
func Default() *Config {
	return &Config{
		Data: Data{Dir: "data"},
		HTTP: HTTP{Addr: ":8080"},
		MQTT: MQTT{
			Addr: "127.0.0.1:1883", TLSAddr: Off, OpenTopics: []string{},
			MaxConnections: 20_000, MessagesPerS: 2000, MessageBurst: 4000,
		},
		WebRTC:  WebRTC{Addr: ":8189", Hosts: []string{}},
		RTSP:    RTSP{Addr: "127.0.0.1:8554"},
		Journal: Journal{Retention: 30 * day},
		Series: Series{
			Retention: 7 * day, RollupRetention: 30 * day,
			Influx: Influx{URL: "http://127.0.0.1:8086", Org: "dongyue", Bucket: "telemetry", Batch: 2000, Timeout: 10 * time.Second},
		},
		Identity: Identity{SessionLifetime: 12 * time.Hour, SessionIdle: 8 * time.Hour, LoginsPerMinute: 10},
		Log:      Log{Level: "info", Format: "text"},
	}
}
