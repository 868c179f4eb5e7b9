package cap

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/beevik/etree"
)

// An ECDSA signature in XML is its two numbers one behind the other, each as long as the
// curve (XML Signature 1.1, 6.4.3); the library reads and writes them in ASN.1.
type numbers struct{ R, S *big.Int }

// half is how long a number of a key's signatures is, in bytes.
func half(k *ecdsa.PublicKey) int { return (k.Params().BitSize + 7) / 8 }

// fixed signs as XML has it.
type fixed struct {
	crypto.Signer
	half int
}

// Sign implements crypto.Signer.
func (f fixed) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	der, err := f.Signer.Sign(rand, digest, opts)
	if err != nil {
		return nil, err
	}
	var n numbers
	if _, err := asn1.Unmarshal(der, &n); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	out := make([]byte, 2*f.half)
	n.R.FillBytes(out[:f.half])
	n.S.FillBytes(out[f.half:])
	return out, nil
}

// forLibrary writes the value of a signature as the library wants it: without the spaces of
// who writes prettily, and an ECDSA one in ASN.1. The value is the one part of a signature
// that is not signed.
func forLibrary(root *etree.Element) error {
	value := root.FindElement("./Signature/SignatureValue")
	if value == nil {
		return fmt.Errorf("%w: it has no value", ErrSignature)
	}
	b := unbase64(value.Text())
	method := root.FindElement("./Signature/SignedInfo/SignatureMethod")
	if method == nil || !strings.Contains(method.SelectAttrValue("Algorithm", ""), "#ecdsa-") {
		value.SetText(base64.StdEncoding.EncodeToString(b))
		return nil
	}
	if len(b) != 64 && len(b) != 96 { // P-256, P-384
		return fmt.Errorf("%w: its value is not two numbers as long as the curve", ErrSignature)
	}
	der, err := asn1.Marshal(numbers{new(big.Int).SetBytes(b[:len(b)/2]), new(big.Int).SetBytes(b[len(b)/2:])})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	value.SetText(base64.StdEncoding.EncodeToString(der))
	return nil
}
