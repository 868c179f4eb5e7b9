package curve

// Limits decide. Powers in watts, times in seconds, temperatures in °C.
type Limits struct {
	Rated    float64 // of the socket
	Most     float64 // whatever it is rated for: 1,000 W
	Overload float64 // s above 1.1 × Rated

	Empty     float64 // below it nothing charges: unplugged or full
	Unplugged float64 // s below Empty until it is another session
	Settle    float64 // s after the beginning in which power may do anything

	Least    float64 // W of a swing, from crest to trough: below it is noise
	Swing    float64 // of the oscillation, one way from the mean, as a share of it
	Shakes   float64 // the same while the current is constant, where a sound charger's does not swing: told
	Pulse    float64 // share of the peak, crest to trough, that chargers of lead batteries pulse by when it falls
	SwingOf  float64 // the same as a share of the session's peak, for a cut
	Swings   int     // half-waves until it is told
	Slowest  float64 // s of a whole wave
	SwingFor float64 // s until it is cut

	Fallen  float64 // share of the peak below which the power has declined
	Beyond  float64 // of the expected energy without a decline: told
	Far     float64 // the same: cut
	Over    float64 // of the battery's known peak: told
	FarOver float64 // the same: cut
	OverFor float64 // s

	Grown     float64 // times the power at the beginning, by which that of a sound battery has not grown: told
	Jump      float64 // share a minute by which its voltage alone does not grow
	Mild      float64 // °C at the plug from which no cold battery holds its charger back
	TopTimes  float64 // times the energy near the peak that was seen before, and
	TopMore   float64 // share of the expected energy, without a decline: told
	Stalls    float64 // times the energy by which the power fell by a step at first: told
	StallDown float64 // share of the peak above which it must go on to fall

	Again      float64 // a rise from the lowest, as a share of the peak: told
	FarAgain   float64 // the same: cut
	AgainFor   float64 // s: told
	FarFor     float64 // s: cut
	Ripple     float64 // times what the mains made of the power before the decline, at least
	Unseen     float64 // s of charge that must be seen to know that; else Blind
	Blind      float64 // share of the peak where it is not known
	Turn       float64 // share of the highest by which the power has begun to decline
	TurnRipple float64 // times what the mains make of it, at least
	FloatFor   float64 // s
	Longest    float64 // s of a session
	FloatUpTo  float64 // share of the peak below which it floats

	WarmAt, HotAt float64
	Slope         float64 // K/min
	SlopeFor      float64 // s
	SlowSlope     float64 // K/min that power alone does not explain
	SlowFor       float64 // s

	Vapour      float64 // ppm of gas: told
	VapourTimes float64 // of the usual air
	VapourFor   float64 // s
}

// Default are the limits of docs/operations.md.
func Default() Limits {
	return Limits{
		Rated: 900, Most: 1000, Overload: 3,
		Empty: 10, Unplugged: 10, Settle: 120,
		Least: 15, Swing: 0.20, Shakes: 0.14, Pulse: 0.35, SwingOf: 0.20, Swings: 5, Slowest: 10, SwingFor: 60,
		Fallen: 0.78, Beyond: 1.08, Far: 1.15, Over: 1.05, FarOver: 1.07, OverFor: 180,
		Grown: 1.31, Jump: 0.01, Mild: 10, TopTimes: 2, TopMore: 0.05, Stalls: 3, StallDown: 0.20,
		Again: 0.02, FarAgain: 0.08, AgainFor: 30, FarFor: 60, Turn: 0.025, TurnRipple: 1.5, Ripple: 2.5, Unseen: 2400, Blind: 0.18,
		FloatFor: 3600, Longest: 8 * 3600, FloatUpTo: 0.12,
		WarmAt: 60, HotAt: 70, Slope: 5, SlopeFor: 120, SlowSlope: 1.2, SlowFor: 30,
		Vapour: 8, VapourTimes: 8, VapourFor: 10,
	}
}
