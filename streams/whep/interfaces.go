package whep

import (
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// interfaces are this machine's, listed whenever candidates are gathered. The library
// would keep a list for each session, of 8 KB.
type interfaces struct{ transport.Net }

func newInterfaces() (interfaces, error) {
	n, err := stdnet.NewNet()
	return interfaces{n}, err
}

// Interfaces implements transport.Net.
func (interfaces) Interfaces() ([]*transport.Interface, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	return n.Interfaces()
}
