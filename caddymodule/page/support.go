package page

import "html/template"

// support is the block with ways to reach a person.
type support struct {
	Any                            bool
	Phone, Mail, Site, Appointment *contact
}

type contact struct {
	URL  template.URL
	Text string
}

// support builds the block; the reference goes into the subject of a mail.
// The addresses were checked by New, so their schemes are safe to vouch for.
func (p *Renderer) support(locale, reference string) support {
	b := p.options.Brand
	var s support
	if b.SupportPhone != "" {
		s.Phone = &contact{template.URL("tel:" + dialable(b.SupportPhone)), b.SupportPhone} //nolint:gosec // digits only
	}
	if b.SupportMail != "" {
		subject := p.Text(locale, "support.subject")
		if reference != "" {
			subject = p.Text(locale, "support.subject_reference", "reference", reference)
		}
		s.Mail = &contact{mailto(b.SupportMail, subject), b.SupportMail}
	}
	if b.SupportURL != "" {
		s.Site = &contact{URL: template.URL(b.SupportURL)} //nolint:gosec // checked by New
	}
	if b.AppointmentURL != "" {
		s.Appointment = &contact{URL: template.URL(b.AppointmentURL)} //nolint:gosec // checked by New
	}
	s.Any = s.Phone != nil || s.Mail != nil || s.Site != nil || s.Appointment != nil
	return s
}
