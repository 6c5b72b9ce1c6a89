// Package page renders everything that people see of the gateway: the login
// page, a page for every cause of refusal, log-out, help and the files that
// belong to them. It owns templates, words, languages, brand, the headers of
// own pages and the hints that follow from what was typed.
//
// It decides nothing: who may be where, which status an attempt gets and when a
// person may try again is told to it. It writes no cookie and reads no store.
// Nothing a visitor sent is shown again except the typed e-mail address.
package page
