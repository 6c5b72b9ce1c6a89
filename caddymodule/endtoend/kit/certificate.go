package kit

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// The files in the folder of a gateway that it speaks TLS with.
const (
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
)

// certify puts a certificate for loopback into a folder. Caddy could make its own,
// but races with itself (2.11.9) where it makes one while it starts: its app for
// TLS tells of the certificate and is still writing down that it has started.
func certify(t testing.TB, folder string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	of := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	must(t, err)
	write := func(name, kind string, der []byte) {
		must(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	write(certificateFile, "CERTIFICATE", of.Certificate[0])
	write(keyFile, "PRIVATE KEY", key)
}
