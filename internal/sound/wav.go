package sound

import (
	"encoding/binary"
	"fmt"
)

// HeaderBytes is the length of the header that Header writes.
const HeaderBytes = 44

// Header is that of a WAV file with so many samples of PCM (RIFF, WAVE format 1).
func Header(samples int) []byte {
	n := uint32(min(samples, 1<<30) * 2) //nolint:gosec // bounded
	b := make([]byte, 0, HeaderBytes)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, n+HeaderBytes-8)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // mono
	b = binary.LittleEndian.AppendUint32(b, Rate)
	b = binary.LittleEndian.AppendUint32(b, Rate*2)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, n)
}

// Bytes are samples as a WAV file has them.
func (p PCM) Bytes() []byte {
	b := make([]byte, 0, len(p)*2)
	for _, v := range p {
		b = binary.LittleEndian.AppendUint16(b, uint16(v)) //nolint:gosec // two's complement is the format
	}
	return b
}

// FromBytes reads samples; a last odd byte is passed over.
func FromBytes(b []byte) PCM {
	p := make(PCM, len(b)/2)
	for i := range p {
		p[i] = int16(binary.LittleEndian.Uint16(b[2*i:])) //nolint:gosec // two's complement is the format
	}
	return p
}

// wave is the format chunk of a WAV file.
type wave struct {
	channels, rate, bits int
}

// decodeWAV reads PCM of 8 or 16 bit, any number of channels up to 8, 8 to 96 kHz.
func decodeWAV(b []byte) (PCM, error) {
	if len(b) < 12 || string(b[8:12]) != "WAVE" {
		return nil, ErrFormat
	}
	var w wave
	for rest := b[12:]; len(rest) >= 8; {
		id, n := string(rest[:4]), int(binary.LittleEndian.Uint32(rest[4:8]))
		body := rest[8:]
		if id == "data" && w.channels > 0 {
			// Programs that write into a pipe don't know the length beforehand.
			return w.samples(body[:min(n, len(body))])
		}
		if n > len(body) {
			return nil, fmt.Errorf("%w: chunk %.4q is longer than the file", ErrBroken, id)
		}
		if id == "fmt " {
			if err := w.read(body[:n]); err != nil {
				return nil, err
			}
		}
		rest = body[min(n+n%2, len(body)):]
	}
	return nil, fmt.Errorf("%w: it has no data chunk after its format", ErrBroken)
}

// A format chunk of this kind names the coding itself further behind (WAVEFORMATEXTENSIBLE):
// what is compressed would be noise at full volume.
const (
	extensible = 0xfffe
	subFormat  = 24
)

func (w *wave) read(b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("%w: its format chunk is short", ErrBroken)
	}
	kind := binary.LittleEndian.Uint16(b)
	w.channels, w.rate, w.bits = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint16(b[14:]))
	if kind == extensible && len(b) >= subFormat+2 {
		kind = binary.LittleEndian.Uint16(b[subFormat:])
	}
	switch {
	case kind != 1:
		return fmt.Errorf("%w: WAV coding %d; write PCM", ErrFormat, kind)
	case w.bits != 8 && w.bits != 16:
		return fmt.Errorf("%w: %d bits; write 16", ErrFormat, w.bits)
	case w.channels < 1 || w.channels > 8:
		return fmt.Errorf("%w: %d channels; write one or two", ErrFormat, w.channels)
	case w.rate < 8000 || w.rate > 96000:
		return fmt.Errorf("%w: %d Hz; write 8000 to 96000", ErrFormat, w.rate)
	}
	return nil
}

// samples mixes the channels.
func (w *wave) samples(b []byte) (PCM, error) {
	width := w.channels * w.bits / 8
	n := len(b) / width
	if n > w.rate*int(MaxLength.Seconds()) {
		return nil, ErrTooLong
	}
	in := make([]int16, n)
	for i := range in {
		sum := 0
		for c := range w.channels {
			if at := i*width + c*w.bits/8; w.bits == 8 {
				sum += (int(b[at]) - 128) << 8
			} else {
				sum += int(int16(binary.LittleEndian.Uint16(b[at:]))) //nolint:gosec // two's complement is the format
			}
		}
		in[i] = int16(sum / w.channels) //nolint:gosec // a mean of int16
	}
	return resample(in, w.rate), nil
}
