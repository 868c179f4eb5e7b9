package doorlist

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePlate(t *testing.T) {
	for text, want := range map[string]string{
		"川A12345": "川A12345", "川A·12345": "川A12345", " 川a-123 45 ": "川A12345", "川Ａ１２３４５": "川A12345", "川A1234O": "川A12340", "川AI2345": "川A12345",
		"川AD12345": "川AD12345", "川A·DF1234": "川ADF1234", "川A12345F": "川A12345F", "京AF12345": "京AF12345",
		"雲A12345": "云A12345", "粵Z·1234港": "粤Z1234港", "川A1234学": "川A1234学", "川A1234警": "川A1234警", "鲁B1234掛": "鲁B1234挂",
		"使014578": "使014578", "使 014·578": "使014578", "川X1234应急": "川X1234应急", "川O12345": "川O12345",
	} {
		got, err := ParsePlate(text)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"": "empty", " · ": "empty", "川A1?345": `character 4, '?'`, "川A123": "5 characters", "川A1234567": "9 characters", "A123456": `character 1, 'A', is no province`,
		"川112345": "a letter follows", "川": "a letter follows", "川A12京45": "character 5", "川A1234567890": "12 characters", "川AZ12345": "letter A to K", "川AD1234Z": "letter A to K",
		"使12": "six digits", "川A1234应急": "X or S", "川A1234🚗": "character 7", "火A12345": `character 1, '火'`, strings.Repeat("川", 30): "90 bytes",
		"川A学1234": "character 3", "川A\x00123": "character 3", "川I12345": "a letter follows",
	} {
		got, err := ParsePlate(text)
		if !errors.Is(err, ErrPlate) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %q, %v, want one that says %q", text, got, err, says)
		}
	}
}

func FuzzParsePlate(f *testing.F) {
	for _, s := range []string{"川A·12345", "川AD12345", "使014578", "粵Z1234港", "川X1234应急", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParsePlate(text)
		if err != nil {
			return
		}
		if again, err := ParsePlate(got); err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", text, got, again, err)
		}
	})
}
