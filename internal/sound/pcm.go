package sound

import (
	"errors"
	"math"
	"time"
)

// Rate is samples per second of all recorded sound: speech has nothing above 8 kHz
// that a horn loudspeaker gives back.
const Rate = 16000

// MaxLength of a recording.
const MaxLength = 10 * time.Minute

// PCM is mono sound at Rate.
type PCM []int16

// What a recording may be refused for.
var (
	ErrFormat  = errors.New("not a WAV or Ogg Opus recording")
	ErrTooLong = errors.New("longer than 10 minutes")
	ErrEmpty   = errors.New("has no sound in it")
	ErrBroken  = errors.New("is damaged")
)

// Length is how long it lasts.
func (p PCM) Length() time.Duration { return time.Duration(len(p)) * time.Second / Rate }

// Samples is how many samples a time has.
func Samples(d time.Duration) int { return int(d * Rate / time.Second) }

// Full is the sound pressure of a loudspeaker at full scale and full volume, one metre
// away (dB). Horns of community systems give 90 to 100.
const Full = 98.0

// floor is what a microphone hears of an empty yard (dB).
const floor = 40.0

// Level is the sound pressure that samples make at a volume, one metre away (dB); an
// empty yard has 40.
func Level(samples []int16, volumePct float64) float64 {
	if len(samples) == 0 || volumePct <= 0 {
		return floor
	}
	var sum float64
	for _, v := range samples {
		sum += float64(v) * float64(v)
	}
	rms := math.Sqrt(sum/float64(len(samples))) / math.MaxInt16
	if rms == 0 {
		return floor
	}
	// Speech has its peaks 12 dB above its mean; the full level is that of its peaks.
	return max(floor, Full+12+20*math.Log10(rms)+20*math.Log10(volumePct/100))
}

// resample brings sound of another rate to Rate. Going down it takes the mean of what
// a sample stands for, which is filter enough for speech.
func resample(in []int16, rate int) PCM {
	if rate == Rate || len(in) == 0 {
		return in
	}
	step := float64(rate) / Rate
	out := make(PCM, int(float64(len(in))/step))
	for i := range out {
		from := float64(i) * step
		if step <= 1 {
			out[i] = between(in, from)
			continue
		}
		lo, hi := int(from), min(int(from+step)+1, len(in))
		sum := 0
		for _, v := range in[lo:hi] {
			sum += int(v)
		}
		out[i] = int16(sum / (hi - lo)) //nolint:gosec // a mean of int16
	}
	return out
}

func between(in []int16, at float64) int16 {
	i := int(at)
	if i+1 >= len(in) {
		return in[len(in)-1]
	}
	part := at - float64(i)
	return int16(float64(in[i])*(1-part) + float64(in[i+1])*part)
}
