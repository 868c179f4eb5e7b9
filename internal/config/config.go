package config

import "time"

// Config is every setting of the hub. The tags of a field say: yaml its key, doc
// its meaning, reload what a change costs, enum and range what it may be, flag
// its short command-line name, env its short environment name, file that it is
// the path of a file.
type Config struct {
	Data       Data       `yaml:"data" doc:"where the hub keeps what it knows"`
	Site       Site       `yaml:"site" doc:"the community this hub serves"`
	HTTP       HTTP       `yaml:"http" doc:"screens and API"`
	MQTT       MQTT       `yaml:"mqtt" doc:"the door for devices"`
	WebRTC     WebRTC     `yaml:"webrtc" doc:"live pictures to browsers"`
	Cameras    Cameras    `yaml:"cameras" doc:"how cameras are reached"`
	RTSP       RTSP       `yaml:"rtsp" doc:"the simulated cameras of the demonstration"`
	Clips      Clips      `yaml:"clips" doc:"evidence: what cameras saw before and after an alarm"`
	Journal    Journal    `yaml:"journal" doc:"the record of what devices were told is safe"`
	Series     Series     `yaml:"series" doc:"telemetry over time"`
	Rules      Rules      `yaml:"rules" doc:"what raises an alarm"`
	Procedures Procedures `yaml:"procedures" doc:"the cards that an operator works through"`
	Notify     Notify     `yaml:"notify" doc:"how people are reached beside the desk"`
	Broadcast  Broadcast  `yaml:"broadcast" doc:"what loudspeakers play"`
	Official   Official   `yaml:"official" doc:"warnings of the authorities, CAP 1.2"`
	Identity   Identity   `yaml:"identity" doc:"people who sign in"`
	Charging   Charging   `yaml:"charging" doc:"what charging an e-bike costs, and who takes the money"`
	Doors      Doors      `yaml:"doors" doc:"doors that are alone"`
	Log        Log        `yaml:"log" doc:"what the hub writes about itself, on standard error"`
}

// Charging is the price of a kWh, electricity and service apart (发改办价格〔2024〕537号),
// as text, because money has no binary fractions.
type Charging struct {
	Electricity string        `yaml:"electricity" reload:"restart" doc:"yuan per kWh, the residential tariff as it is, up to four decimals"`
	Service     string        `yaml:"service" reload:"restart" doc:"yuan per kWh for the service, shown apart"`
	Deposit     string        `yaml:"deposit" reload:"restart" doc:"yuan taken before a session; the rest comes back"`
	URL         string        `yaml:"payments_url" reload:"restart" doc:"http or https address of the provider of payments, docs/protocol.md; empty: residents can't start a session"`
	Token       Secret        `yaml:"payments_token" reload:"restart" doc:"bearer token for it; better in payments_token_file or the environment"`
	TokenFile   string        `yaml:"payments_token_file" reload:"restart" file:"true" doc:"file that holds the token"`
	Timeout     time.Duration `yaml:"payments_timeout" reload:"restart" range:"1s..1m" doc:"how long one payment may take before it is asked for again under the same key"`
}

// Data says where the hub keeps its files.
type Data struct {
	Dir string `yaml:"dir" reload:"restart" flag:"data" doc:"folder of the databases; one hub per folder"`
}

// Site names the description of the community.
type Site struct {
	File     string `yaml:"file" reload:"restart" file:"true" doc:"zones, devices and cameras to begin with; empty: the registry alone says what exists"`
	TimeZone string `yaml:"time_zone" reload:"restart" doc:"local time of the community, for shifts and messages: a name of the IANA database"`
	// Dusk and dawn are worked out here, for the lamps; a tenth of a degree is half a minute.
	Latitude  float64 `yaml:"latitude" reload:"restart" range:"-90..90" doc:"of the community in degrees, south negative; lamps follow the sun there"`
	Longitude float64 `yaml:"longitude" reload:"restart" range:"-180..180" doc:"in degrees, west negative"`
}

// HTTP is the listener of screens and API.
type HTTP struct {
	Addr Addr `yaml:"addr" reload:"component" flag:"http" doc:"host:port of the screens and the API; off closes it"`
	TLS  TLS  `yaml:"tls" doc:"both files make it HTTPS; both empty leave it HTTP"`
	// A phone that proves itself does so to one name, and a link must lead somewhere from outside.
	PublicURL string `yaml:"public_url" reload:"restart" doc:"address under which people reach the hub, as https://hub.example.com: for visitors' links and phones that prove themselves; empty: the one they used"`
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
	// ICEServers are none in a closed network: looking for them takes time at every join.
	ICEServers []string `yaml:"ice_servers" reload:"component" doc:"STUN and TURN servers for viewers outside the network, as turn:192.0.2.1:3478?transport=udp; empty: none is asked"`
	TURNSecret Secret   `yaml:"turn_secret" reload:"component" doc:"secret shared with the TURN servers (coturn: use-auth-secret); viewers get passwords good for six hours"`
	// Direct is an option so that it can be switched off, should a release of the library close the way.
	Direct bool `yaml:"direct" reload:"component" doc:"send pictures past the WebRTC library, a frame in one system call; off sends packet by packet at more than twice the processor time"`
}

// Cameras is how real cameras are reached.
type Cameras struct {
	Networks        []string `yaml:"networks" reload:"restart" doc:"networks in which cameras may be, as 10.1.0.0/16; the hub connects to no camera elsewhere"`
	SessionsPerHost int      `yaml:"sessions_per_host" reload:"restart" range:"0..1000" doc:"most streams at one time from one host, that is one recorder; 0: any number"`
	Events          bool     `yaml:"events" reload:"restart" doc:"ask cameras that have an ONVIF address for what they notice: motion, inputs, tampering, crossed lines, guarded areas, a lost channel"`
}

// RTSP is the port of the simulated cameras.
type RTSP struct {
	Addr Addr `yaml:"addr" reload:"restart" flag:"rtsp" doc:"host:port of the simulated cameras; used by the demonstration only"`
}

// Clips is what is recorded of the cameras around an alarm.
type Clips struct {
	Enabled   bool          `yaml:"enabled" reload:"restart" doc:"pull every camera all the time and record clips; off pulls cameras only while somebody watches"`
	Stream    string        `yaml:"stream" reload:"restart" enum:"sub|main" doc:"which stream of a camera is recorded; a camera without a sub stream is recorded from its main one"`
	Before    time.Duration `yaml:"before" reload:"restart" range:"0s..2m" doc:"how much of the past is kept in memory for clips; an alarm's rule may ask for more, which is kept from then on"`
	After     time.Duration `yaml:"after" reload:"restart" range:"1s..10m" doc:"how long a clip goes on where a person asks for it and says nothing else"`
	Retention time.Duration `yaml:"retention" reload:"restart" range:"1d..3650d" doc:"how long clips are kept; those of open alarms stay"`
	MaxGB     int           `yaml:"max_gb" reload:"restart" range:"1..100000" doc:"space of all clips, in GB of 10^9 bytes; beyond it the oldest go, but not those of open alarms"`
	Dir       string        `yaml:"dir" reload:"restart" doc:"folder of the clips; empty: clips in data.dir"`

	Continuous Continuous `yaml:"continuous" doc:"recording all the time, beside the clips"`
}

// Continuous is which cameras are recorded all the time.
type Continuous struct {
	Cameras   []string      `yaml:"cameras" reload:"restart" doc:"ids of the cameras that are recorded all the time, or all; empty: none; a camera's own setting in the API goes first"`
	Retention time.Duration `yaml:"retention" reload:"restart" range:"1d..3650d" doc:"how long these recordings are kept"`
	MaxGB     int           `yaml:"max_gb" reload:"restart" range:"1..1000000" doc:"space of all these recordings, in GB of 10^9 bytes, beside that of the clips; beyond it the oldest go"`
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

// Procedures names the folder of the cards.
type Procedures struct {
	Dir string `yaml:"dir" reload:"restart" doc:"folder of *.yaml cards; empty: the cards that come with the hub"`
}

// Broadcast is how sound comes to the loudspeakers.
type Broadcast struct {
	Night string `yaml:"night" reload:"restart" doc:"local time in which ranks 4 to 6 are silent, as 22:00-07:00; off: never; the demonstration has no night unless it is set here"`
	URL   string `yaml:"url" reload:"restart" doc:"address by which loudspeakers reach this hub, as http://192.0.2.10:8080; empty: the first address of this machine"`
}

// Official is where warnings of the authorities come from and where the results go.
type Official struct {
	Keys     string   `yaml:"keys" reload:"restart" doc:"folder of *.pem certificates, each of a sender whose name is its common name; empty: no official message is believed"`
	Folder   string   `yaml:"folder" reload:"restart" doc:"folder that is watched for *.xml messages; empty: only the API takes them"`
	Upstream string   `yaml:"upstream" reload:"restart" doc:"http or https address that results and the hub's own alarms are sent to; empty: they are kept for the API"`
	Sender   string   `yaml:"sender" reload:"restart" doc:"name of this hub in its own messages, without spaces, commas, < and &"`
	Alarms   bool     `yaml:"alarms" reload:"restart" doc:"send the hub's own life-safety alarms upstream, as CAP"`
	Origin   string   `yaml:"origin" reload:"restart" doc:"where the upper left corner of the plan is: latitude, longitude (WGS 84) and how many degrees its upper edge is turned clockwise from east, as 30.6598, 104.0633, 0; empty: polygons and circles can't be placed"`
	Geocodes []string `yaml:"geocodes" reload:"restart" doc:"codes of areas and the zones that they are here, as 510107001=east; a code with = and nothing after it is the whole community"`
}

// Identity is how people sign in and for how long.
type Identity struct {
	SessionLifetime   time.Duration `yaml:"session_lifetime" reload:"live" range:"5m..365d" doc:"after this, sign in again; one shift and its hand-over fit in"`
	SessionIdle       time.Duration `yaml:"session_idle" reload:"live" range:"1m..365d" doc:"a session not used for so long ends"`
	LoginsPerMinute   int           `yaml:"logins_per_minute" reload:"live" range:"1..600" doc:"wrong passwords one address may send in a minute"`
	AdminPassword     Secret        `yaml:"admin_password" reload:"restart" env:"ADMIN_PASSWORD" doc:"the administrator's first password; empty: one is made and printed once"`
	AdminPasswordFile string        `yaml:"admin_password_file" reload:"restart" file:"true" doc:"file that holds it"`
}

// Doors is how long doors open by their own list when they hear nothing from the hub,
// what a fire releases, and how long what they tell of people is kept.
type Doors struct {
	OfflineResident time.Duration `yaml:"offline_resident" reload:"restart" range:"1h..30d" doc:"a resident's credential opens so long without a fresh list"`
	OfflineStaff    time.Duration `yaml:"offline_staff" reload:"restart" range:"1h..30d" doc:"the same of staff"`
	OfflineCourier  time.Duration `yaml:"offline_courier" reload:"restart" range:"1h..30d" doc:"the same of couriers; a visitor's pass has its own end"`

	OverstayHost time.Duration `yaml:"overstay_host" reload:"restart" range:"1s..24h" doc:"so long after the end of a pass the host is told that the guest, or the guest's car, is still inside"`
	OverstayDesk time.Duration `yaml:"overstay_desk" reload:"restart" range:"1s..24h" doc:"the same of the desk, as an alarm"`

	FireScope            string        `yaml:"fire_scope" reload:"restart" enum:"building|unit|zone" doc:"what a fire input releases: the building around the door, its unit, or only the doors of its own zone"`
	BadgeRetention       time.Duration `yaml:"badge_retention" reload:"restart" range:"1d..3650d" doc:"then a row of the badge log no longer says who it was"`
	VisitorRetention     time.Duration `yaml:"visitor_retention" reload:"restart" range:"1d..3650d" doc:"then a visitor's name and plate go, counted from the end of the pass"`
	WhereaboutsRetention time.Duration `yaml:"whereabouts_retention" reload:"restart" range:"1d..365d" doc:"then it goes who was in which area last, and what doors had the desk told"`
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
		Site: Site{TimeZone: "Asia/Shanghai", Latitude: 30.6, Longitude: 103.5},
		HTTP: HTTP{Addr: ":8080"},
		MQTT: MQTT{
			Addr: "127.0.0.1:1883", TLSAddr: Off, OpenTopics: []string{},
			MaxConnections: 20_000, MessagesPerS: 2000, MessageBurst: 4000,
		},
		WebRTC:  WebRTC{Addr: ":8189", Hosts: []string{}, ICEServers: []string{}, Direct: true},
		Cameras: Cameras{Networks: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128"}, Events: true},
		RTSP:    RTSP{Addr: "127.0.0.1:8554"},
		Clips:   Clips{Enabled: true, Stream: "sub", Before: 10 * time.Second, After: 30 * time.Second, Retention: 30 * day, MaxGB: 20, Continuous: Continuous{Cameras: []string{}, Retention: 7 * day, MaxGB: 100}},
		Journal: Journal{Retention: 30 * day},
		Series: Series{
			Retention: 7 * day, RollupRetention: 30 * day,
			Influx: Influx{URL: "http://127.0.0.1:8086", Org: "dongyue", Bucket: "telemetry", Batch: 2000, Timeout: 10 * time.Second},
		},
		Notify: Notify{
			Language: "zh", GroupWait: 20 * time.Second,
			Webhook: WebhookChannel{PerMinute: 60}, WeCom: RobotChannel{PerMinute: 20}, DingTalk: SignedRobot{PerMinute: 20}, Feishu: SignedRobot{PerMinute: 60},
			Ntfy: NtfyChannel{PerMinute: 60}, SMTP: SMTPChannel{Addr: Off, Security: "starttls", PerMinute: 60},
		},
		Broadcast: Broadcast{Night: "22:00-07:00"},
		Official:  Official{Sender: "dongyue", Geocodes: []string{}},
		Identity:  Identity{SessionLifetime: 12 * time.Hour, SessionIdle: 8 * time.Hour, LoginsPerMinute: 10},
		Charging:  Charging{Electricity: "0.5224", Service: "0.30", Deposit: "5.00", Timeout: 10 * time.Second},
		Doors: Doors{
			OfflineResident: 30 * day, OfflineStaff: 7 * day, OfflineCourier: day,
			OverstayHost: 10 * time.Minute, OverstayDesk: 30 * time.Minute,
			FireScope: FireBuilding, BadgeRetention: 180 * day, VisitorRetention: 90 * day, WhereaboutsRetention: 30 * day,
		},
		Log: Log{Level: "info", Format: "text"},
	}
}
