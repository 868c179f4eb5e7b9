package charging

import "testing"

func TestMoney(t *testing.T) {
	for s, want := range map[string]Rate{"0.5224": 5224, "0.30": 3000, "1": 10000, "12.3": 123000} {
		if got, err := ParseRate(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ".", "1.", "-1", "0.52245", "1e3", "1,5", "0x1", "9999999999", "1000.0001", "999999999"} {
		if got, err := ParseRate(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
	tariff := Tariff{Electricity: 5224, Service: 3000}
	for e, want := range map[Energy][2]Fen{0: {0, 0}, 1_000_000: {52, 30}, 123_456: {6, 4}, 9_572: {1, 0}, 9_571: {0, 0}, 50_000_000: {2612, 1500}} {
		if a, b := tariff.Bill(e); a != want[0] || b != want[1] {
			t.Errorf("%d mWh: %d and %d fen, want %v", e, a, b, want)
		}
	}
	for f := Fen(3); f < 3000; f += 7 {
		a, b := tariff.Bill(Energy(tariff.Worth(f)) * 1000)
		if a+b > f {
			t.Errorf("%d fen pay for %d Wh, which cost %d", f, tariff.Worth(f), a+b)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("0.5224")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRate(s); err == nil && r < 0 {
			t.Errorf("%q is %d", s, r)
		}
	})
}
