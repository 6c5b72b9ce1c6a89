package attempt

import "strings"

// word is what a part of a User-Agent header stands for. The order matters:
// most browsers also claim to be others.
type word struct{ part, name string }

var browsers = []word{
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"},
	{"YaBrowser/", "Yandex"},
	{"DuckDuckGo/", "DuckDuckGo"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"HeadlessChrome/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Version/", "Safari"},
	{"AppleWebKit/", "Safari"},
	{"Trident/", "Internet Explorer"},
	{"MSIE ", "Internet Explorer"},
	{"curl/", "curl"},
	{"Wget/", "Wget"},
	{"python", "Python"},
	{"Python", "Python"},
	{"Go-http-client/", "Go"},
	{"okhttp/", "Java"},
	{"Java/", "Java"},
	{"PostmanRuntime/", "Postman"},
}

var systems = []word{
	{"iPhone", "iPhone"},
	{"iPad", "iPad"},
	{"Android", "Android"},
	{"Windows", "Windows"},
	{"CrOS", "ChromeOS"},
	{"Macintosh", "macOS"},
	{"Mac OS X", "macOS"},
	{"Linux", "Linux"},
	{"FreeBSD", "FreeBSD"},
}

// Agent returns browser and system in a few words, like "Chrome / Windows",
// from a User-Agent header; one of the two where the other is not known, the
// empty string where neither is. Nothing of the header itself is kept.
func Agent(userAgent string) string {
	if len(userAgent) > 512 {
		userAgent = userAgent[:512]
	}
	browser, system := name(browsers, userAgent), name(systems, userAgent)
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " / " + system
}

func name(words []word, in string) string {
	for _, w := range words {
		if strings.Contains(in, w.part) {
			return w.name
		}
	}
	return ""
}
