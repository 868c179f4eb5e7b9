package access

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// The ways in which a file of people is written.
const (
	utf8Text = "utf-8"
	gbText   = "gb18030"
)

// readable brings the text of a file into UTF-8. Spreadsheets in China save CSV as GBK,
// of which GB18030 knows every character; anything else is refused rather than read as
// names that nobody has.
func readable(text []byte) (out []byte, encoding string, errs []ImportError) {
	wrong := []ImportError{{1, "", "the file is neither UTF-8 nor GBK text: save it as CSV UTF-8"}}
	switch {
	case bytes.IndexByte(text, 0) >= 0: // UTF-16, or no text at all
		return nil, utf8Text, wrong
	case bytes.Contains(text, []byte("\uFFFD")): // somebody read it wrong before
		return nil, utf8Text, wrong
	case utf8.Valid(text):
		return text, utf8Text, nil
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return nil, gbText, wrong
	}
	return out, gbText, nil
}
