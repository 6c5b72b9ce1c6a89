// Package smtptest runs a real SMTP server for tests, on the loopback interface,
// with switches for what servers do to us.
package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Behaviour is what the server does. The zero value takes every mail.
type Behaviour struct {
	// Hang: connections are taken and nothing is ever said.
	Hang bool
	// HangAtData: everything is answered but the end of the mail.
	HangAtData bool
	// Rcpt and Data are the answers to the next mails, one each; after the last
	// one, nil is said. An answer to Data comes after the whole mail.
	Rcpt, Data []*smtp.SMTPError
	// CutAfterData ends that many connections when the whole mail was sent, before
	// the answer. The mails count as received.
	CutAfterData int
	// RefuseAuth: no password is right.
	RefuseAuth bool
}

// Options say what the server offers.
type Options struct {
	NoTLS            bool // no STARTTLS
	Implicit         bool // TLS from the first byte
	WrongCertificate bool // one for another name
	// Password is what AUTH wants of the user "gateway"; empty: no AUTH.
	Password string
	UTF8     bool
}

// Received is one mail as it came.
type Received struct {
	From, To string
	Raw      []byte
	User     string // logged in as
	Secure   bool   // over TLS
}

// Server is an SMTP server. It ends with the test.
type Server struct {
	t       testing.TB
	options Options
	config  *tls.Config
	pool    *x509.CertPool
	address string

	mu       sync.Mutex
	server   *smtp.Server
	do       Behaviour
	mails    []Received
	accepted int
	hung     []net.Conn
	over     chan struct{}
}

// Start starts a server on a free port of the loopback interface.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, options: o, address: "127.0.0.1:0"}
	s.config, s.pool = certificate(t, o.WrongCertificate)
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// Addr returns host and port. The name is localhost, as in the certificate.
func (s *Server) Addr() string {
	_, port, _ := net.SplitHostPort(s.address)
	return net.JoinHostPort("localhost", port)
}

// Roots returns what makes the certificate trusted.
func (s *Server) Roots() *x509.CertPool { return s.pool }

// Set changes what the server does.
func (s *Server) Set(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.do = b
}

// Mails returns what was received, in order.
func (s *Server) Mails() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.mails...)
}

// Connections returns how many connections were made.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Up starts the server again on its port.
func (s *Server) Up() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address) //nolint:noctx // ends with the test
	if err != nil {
		s.t.Fatalf("starting the SMTP server: %v", err)
	}
	s.address = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		plain := &session{server: s, conn: c}
		if s.options.Password == "" {
			return plain, nil
		}
		return &authSession{plain}, nil
	}))
	server.Domain, server.EnableSMTPUTF8 = "localhost", s.options.UTF8
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.AllowInsecureAuth = s.options.NoTLS
	if !s.options.NoTLS {
		server.TLSConfig = s.config
	}
	if s.options.Implicit {
		l = tls.NewListener(l, s.config)
	}
	s.mu.Lock()
	s.server, s.over = server, make(chan struct{})
	s.mu.Unlock()
	go func() { _ = server.Serve(&listener{l, s}) }()
}

// Down stops the server; connections break.
func (s *Server) Down() {
	s.mu.Lock()
	server, hung, over := s.server, s.hung, s.over
	s.server, s.hung = nil, nil
	s.mu.Unlock()
	if server == nil {
		return
	}
	close(over)
	_ = server.Close()
	for _, c := range hung {
		_ = c.Close()
	}
}

// listener counts connections, and lets some hang.
type listener struct {
	net.Listener
	server *Server
}

// Accept returns the next connection that is to be answered.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.server.mu.Lock()
		l.server.accepted++
		hang := l.server.do.Hang
		if hang {
			l.server.hung = append(l.server.hung, c)
		}
		l.server.mu.Unlock()
		if !hang {
			return c, nil
		}
	}
}

// session is one connection.
type session struct {
	server         *Server
	conn           *smtp.Conn
	from, to, user string
}

// authSession offers AUTH.
type authSession struct{ *session }

// Mail notes the sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.Password != "" && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

// Rcpt notes the recipient. A second one is refused: ours have one.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.to != "" {
		s.server.t.Errorf("a mail with two recipients: %q and %q", s.to, to)
		return errors.New("two recipients")
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if refusal := pop(&s.server.do.Rcpt); refusal != nil {
		return refusal
	}
	s.to = to
	return nil
}

// Data takes the mail.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.do.HangAtData {
		over := s.server.over
		s.server.mu.Unlock()
		<-over
		s.server.mu.Lock()
		return errors.New("over")
	}
	if refusal := pop(&s.server.do.Data); refusal != nil {
		return refusal
	}
	_, secure := s.conn.TLSConnectionState()
	s.server.mails = append(s.server.mails, Received{From: s.from, To: s.to, Raw: raw, User: s.user, Secure: secure})
	if s.server.do.CutAfterData > 0 {
		s.server.do.CutAfterData--
		_ = s.conn.Conn().Close()
	}
	return nil
}

// pop returns the next answer, or nil as an error must be.
func pop(answers *[]*smtp.SMTPError) error {
	if len(*answers) == 0 {
		return nil
	}
	first := (*answers)[0]
	*answers = (*answers)[1:]
	if first == nil {
		return nil
	}
	return first
}

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout ends the connection.
func (s *session) Logout() error { return nil }

// AuthMechanisms are those offered.
func (s *authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth checks the password.
func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if s.server.do.RefuseAuth || user != "gateway" || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

// Say returns an answer, like 451, "4.3.0", "try later".
func Say(code int, status [3]int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}
