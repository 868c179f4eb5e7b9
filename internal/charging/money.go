package charging

import (
	"fmt"
	"strconv"
	"strings"
)

// Fen is money: a hundredth of a yuan.
type Fen int64

// Rate is a price in 0.0001 yuan per kWh, as tariffs are published.
type Rate int64

// Energy in milliwatt-hours.
type Energy int64

// Tariff is what a kWh costs.
type Tariff struct {
	Electricity Rate `json:"electricity" doc:"0.0001 yuan per kWh, residential, passed on as it is"`
	Service     Rate `json:"service" doc:"0.0001 yuan per kWh"`
}

// ParseRate reads yuan per kWh with up to four decimals, as "0.5224", without a
// detour through binary fractions.
func ParseRate(s string) (Rate, error) {
	n, err := decimal(s, 4)
	if err == nil && n > int64(mostRate) {
		return 0, fmt.Errorf("%q: a kWh costs at most 1000", s)
	}
	return Rate(n), err
}

// mostRate bounds a price, so that what any session may take times it is far from the end
// of the numbers: 1,000 yuan per kWh.
const mostRate = Rate(1000 * 10_000)

// ParseYuan reads an amount in yuan with up to two decimals.
func ParseYuan(s string) (Fen, error) {
	n, err := decimal(s, 2)
	return Fen(n), err
}

func decimal(s string, digits int) (int64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 9 || len(part) > digits || strings.HasSuffix(s, ".") {
		return 0, fmt.Errorf("%q: a number such as 0.5224 with at most %d decimals is wanted", s, digits)
	}
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", digits-len(part)), 10, 62)
	if err != nil {
		return 0, fmt.Errorf("%q: a number such as 0.5224 with at most %d decimals is wanted", s, digits)
	}
	return int64(n), nil //nolint:gosec // 62 bits
}

// perFen is how many mWh × 0.0001 yuan/kWh a fen has: 10^6 mWh a kWh, 100 of the
// rate's units a fen.
const perFen = 1_000_000 * 100

// Cost is what an energy costs, rounded half up.
func (r Rate) Cost(e Energy) Fen { return Fen((int64(e)*int64(r) + perFen/2) / perFen) }

// Bill is what a session costs.
func (t Tariff) Bill(e Energy) (electricity, service Fen) {
	return t.Electricity.Cost(e), t.Service.Cost(e)
}

// Worth is the energy that an amount pays for, in Wh, rounded down so that the bill
// never exceeds it.
func (t Tariff) Worth(f Fen) int64 {
	rate := int64(t.Electricity + t.Service)
	if rate == 0 || f <= 2 {
		return 0
	}
	return (int64(f) - 1) * perFen / rate / 1000 // a fen for the two roundings
}
