package sound

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Ogg pages (RFC 3533) with Opus in them (RFC 7845).
const (
	pageHeader = 27
	maxPacket  = 64 << 10 // bytes; Opus has at most 1275 a frame and 48 frames

	continued = 1 // flags of a page
	begins    = 2
	ends      = 4
)

// Packets reads the packets of an Ogg stream.
type Packets struct {
	r      *bufio.Reader
	serial uint32
	begun  bool
	packet []byte   // of which the rest is on the next page
	ready  [][]byte // complete, not handed out
	end    bool
}

// NewPackets reads from r.
func NewPackets(r io.Reader) *Packets { return &Packets{r: bufio.NewReaderSize(r, 4<<10)} }

// Next is the next packet; io.EOF after the last one.
func (o *Packets) Next() ([]byte, error) {
	for len(o.ready) == 0 {
		if o.end {
			return nil, io.EOF
		}
		if err := o.page(); err != nil {
			return nil, err
		}
	}
	p := o.ready[0]
	o.ready = o.ready[1:]
	return p, nil
}

func (o *Packets) page() error {
	var head [pageHeader + 255]byte
	if _, err := io.ReadFull(o.r, head[:pageHeader]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("%w: a page breaks off", ErrBroken)
	}
	if string(head[:4]) != "OggS" || head[4] != 0 {
		return fmt.Errorf("%w: a page has no OggS", ErrBroken)
	}
	table := head[pageHeader : pageHeader+int(head[26])]
	if _, err := io.ReadFull(o.r, table); err != nil {
		return fmt.Errorf("%w: a page breaks off", ErrBroken)
	}
	size := 0
	for _, n := range table {
		size += int(n)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(o.r, body); err != nil {
		return fmt.Errorf("%w: a page breaks off", ErrBroken)
	}
	sum := binary.LittleEndian.Uint32(head[22:26])
	clear(head[22:26])
	if crc(crc(0, head[:pageHeader+len(table)]), body) != sum {
		return fmt.Errorf("%w: a page has a wrong check sum", ErrBroken)
	}
	serial := binary.LittleEndian.Uint32(head[14:18])
	if !o.begun {
		o.begun, o.serial = true, serial
	}
	if serial != o.serial { // another stream in the same file
		return nil
	}
	o.end = head[5]&ends != 0
	if head[5]&continued == 0 {
		o.packet = nil
	}
	return o.split(table, body)
}

// split takes a page's packets apart: a segment of 255 bytes goes on in the next.
func (o *Packets) split(table, body []byte) error {
	for _, n := range table {
		if o.packet = append(o.packet, body[:n]...); len(o.packet) > maxPacket {
			return fmt.Errorf("%w: a packet is longer than 64 KiB", ErrBroken)
		}
		body = body[n:]
		if n < 255 {
			o.ready = append(o.ready, o.packet)
			o.packet = nil
		}
	}
	return nil
}

// OpusRate is the clock of Opus whatever it codes (RFC 7845, 4).
const OpusRate = 48000

// Writer writes packets of Opus, each at once: one page has one packet.
type Writer struct {
	w       io.Writer
	serial  uint32
	page    uint32
	granule uint64 // samples at 48 kHz so far
}

// NewWriter writes the two headers.
func NewWriter(w io.Writer, serial uint32) (*Writer, error) {
	o := &Writer{w: w, serial: serial}
	id := append([]byte("OpusHead"), 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0) // version, mono, no pre-skip, 48 kHz, no gain, family 0
	tags := append([]byte("OpusTags"), 7, 0, 0, 0)
	tags = append(tags, "dongyue"...)
	tags = append(tags, 0, 0, 0, 0)
	if err := o.put(begins, id); err != nil {
		return nil, err
	}
	return o, o.put(0, tags)
}

// Packet writes one packet that lasts so many samples at 48 kHz.
func (o *Writer) Packet(b []byte, samples uint64) error {
	o.granule += samples
	return o.put(0, b)
}

func (o *Writer) put(flags byte, b []byte) error {
	if len(b) >= 255*255 {
		return fmt.Errorf("ogg: a packet of %d bytes does not fit on a page", len(b))
	}
	var p bytes.Buffer
	p.WriteString("OggS\x00")
	p.WriteByte(flags)
	var n [20]byte
	binary.LittleEndian.PutUint64(n[:], o.granule)
	binary.LittleEndian.PutUint32(n[8:], o.serial)
	binary.LittleEndian.PutUint32(n[12:], o.page)
	p.Write(n[:])
	p.WriteByte(byte(len(b)/255 + 1))
	p.Write(bytes.Repeat([]byte{255}, len(b)/255))
	p.WriteByte(byte(len(b) % 255))
	p.Write(b)
	page := p.Bytes()
	binary.LittleEndian.PutUint32(page[22:26], crc(0, page))
	o.page++
	_, err := o.w.Write(page)
	return err
}

// crc goes on with the check sum of Ogg: polynomial 0x04c11db7, not reflected (RFC 3533, 6).
func crc(sum uint32, b []byte) uint32 {
	for _, c := range b {
		sum ^= uint32(c) << 24
		for range 8 {
			if sum&0x80000000 != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
