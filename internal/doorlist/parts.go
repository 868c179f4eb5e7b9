package doorlist

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Part is one message of a list: the member `rights` of a configuration that is
// not retained. Body is base64 in JSON.
type Part struct {
	Door    string `json:"door"`
	Version uint64 `json:"version"`
	Base    uint64 `json:"base"` // 0: the whole list
	Part    int    `json:"part"` // from 1
	Parts   int    `json:"parts"`
	Sum     string `json:"sum"` // SHA-256 of all bodies together, hex
	Body    []byte `json:"body"`
}

// partBytes leaves room for base64 and the members in a message of 64 KiB.
const (
	partBytes = 42 << 10
	maxParts  = maxBodySize/partBytes + 1

	// EntriesPerPart is how many entries fit into one message.
	EntriesPerPart = partBytes / EntryBytes
)

// Message is a configuration message that carries a part.
type Message struct {
	Rights *Part `json:"rights"`
}

// Split cuts a body into messages.
func Split(door string, version, base uint64, body []byte) ([][]byte, error) {
	sum := sha256.Sum256(body)
	n := max((len(body)+partBytes-1)/partBytes, 1)
	out := make([][]byte, 0, n)
	for i := range n {
		piece := body[i*partBytes : min((i+1)*partBytes, len(body))]
		m, err := json.Marshal(Message{&Part{door, version, base, i + 1, n, hex.EncodeToString(sum[:]), piece}})
		if err != nil {
			return nil, err //nolint:wrapcheck // never: numbers, text and bytes
		}
		out = append(out, m)
	}
	return out, nil
}

// Assembler puts parts together. They come in order, on one connection; a part may
// come twice.
type Assembler struct {
	first Part
	next  int
	body  []byte
}

// Open reports whether a list has begun and is not complete.
func (a *Assembler) Open() bool { return a.next > 0 }

// Add takes a part. body is the whole list when it was the last one. A refusal
// ends the list that had begun; a part that begins a list is then its first.
func (a *Assembler) Add(p Part) (body []byte, err error) {
	if p.Parts < 1 || p.Parts > maxParts || p.Part < 1 || p.Part > p.Parts || len(p.Body) > partBytes || len(p.Sum) != 2*sha256.Size {
		a.drop()
		return nil, refuse(BadFormat, p.Version, "part %d of %d with %d bytes", p.Part, p.Parts, len(p.Body))
	}
	switch {
	case a.Open() && !a.same(p):
		err = a.Abandon()
	case a.Open() && p.Part < a.next: // again
		return nil, nil
	case a.Open() && p.Part > a.next:
		want := a.next
		a.drop()
		return nil, refuse(MissingPart, p.Version, "part %d came, part %d is missing", p.Part, want)
	}
	if !a.Open() {
		if p.Part != 1 {
			if err == nil {
				err = refuse(MissingPart, p.Version, "part %d came first", p.Part)
			}
			return nil, err
		}
		a.first, a.next, a.body = p, 1, nil
		a.first.Body = nil
	}
	a.body = append(a.body, p.Body...)
	if a.next++; a.next <= p.Parts {
		return nil, err
	}
	body = a.body
	a.drop()
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != p.Sum {
		return nil, refuse(WrongSum, p.Version, "%d bytes", len(body))
	}
	return body, nil
}

func (a *Assembler) same(p Part) bool {
	f := a.first
	return f.Version == p.Version && f.Base == p.Base && f.Parts == p.Parts && f.Sum == p.Sum && f.Door == p.Door
}

// Abandon gives up a list that is not complete.
func (a *Assembler) Abandon() error {
	if !a.Open() {
		return nil
	}
	err := refuse(MissingPart, a.first.Version, "part %d of %d did not come", a.next, a.first.Parts)
	a.drop()
	return err
}

func (a *Assembler) drop() { *a = Assembler{} }
