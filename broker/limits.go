package broker

import "time"

// Sizes that are part of the contract with devices, or follow from it.
const (
	maxPayload = 64 << 10 // of one message
	// maxPublish is the largest PUBLISH: payload, topic, properties, header.
	maxPublish = maxPayload + 8<<10
	// maxControl is the largest packet of any other kind.
	maxControl = 16 << 10

	aliases    = 8       // topic aliases that a client may use; a device has five topics
	inFlight   = 256     // messages of one client that wait for the disk
	maxWindow  = 1024    // messages to one client that it has not acknowledged
	maxLetters = 1024    // messages that wait in the session of a device
	maxProgram = 1 << 14 // the same for a program
	fanQueue   = 4096    // stored messages that wait for delivery

	strangerRate  = 20 // failed logins per second that the Observer hears of
	strangerBurst = 100
)

// Limits protect the hub from devices that are broken or hostile. Zero fields
// get the value in brackets.
type Limits struct {
	Clients           int           // connections at a time [20,000]
	Waiting           int           // sockets that have not sent CONNECT yet [1,024]
	WaitingPerAddress int           // the same of one address [256]
	LoginRate         float64       // sockets let in per second; beyond, they wait in the kernel's queue [2,000]
	LoginsPerAddress  float64       // the same of one address [1,000]
	Hello             time.Duration // from accept to a whole CONNECT, TLS handshake included [5 s]

	Packets     float64       // packets per second from one client [2,000]; beyond, QoS 0 is dropped and the rest waits
	PacketBurst int           // [2 s of it]
	Bytes       float64       // bytes per second from one client [4 MiB]
	Strikes     int           // forbidden topics within a minute until a client is quarantined [20]
	Floods      int           // dropped QoS 0 messages within a minute until then [4 s of Packets]
	Quarantine  time.Duration // how long it is not let in again [60 s]

	PendingBytes int           // bytes that wait for one device, eight times as many for an integrator; beyond, the connection is closed [1 MiB]
	Stall        time.Duration // how long a client may take nothing of them [15 s]
	SessionKeep  time.Duration // how long the session of an absent client is kept [7 d]
}

func (l Limits) withDefaults() Limits {
	def(&l.Clients, 20_000)
	def(&l.Waiting, 1024)
	def(&l.WaitingPerAddress, 256)
	def(&l.LoginRate, 2000)
	def(&l.LoginsPerAddress, 1000)
	def(&l.Hello, 5*time.Second)
	def(&l.Packets, 2000)
	def(&l.PacketBurst, int(2*l.Packets))
	def(&l.Bytes, 4<<20)
	def(&l.Strikes, 20)
	def(&l.Floods, int(4*l.Packets))
	def(&l.Quarantine, time.Minute)
	def(&l.PendingBytes, 1<<20)
	def(&l.Stall, 15*time.Second)
	def(&l.SessionKeep, 7*24*time.Hour)
	return l
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
