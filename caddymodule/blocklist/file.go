package blocklist

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the format of the files, which hold what everybody knows
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// File is a list of forbidden passwords that an operator brings. It is one of
//
//   - a folder of range files, as the k-anonymity service of Have I Been Pwned
//     answers with: the name of each is the first five hexadecimal digits of SHA-1
//     hashes (with or without .txt), and its lines the other 35, a colon and how
//     often the password was seen;
//   - one file with whole hashes in ascending order, with or without a count;
//   - a text file with a password in each line.
//
// Of the first two only what a question is about is read; the last is kept in memory.
type File struct {
	path   string
	folder bool
	sorted bool
	size   int64
	words  map[string]bool
}

// longestText is how long a file of plain passwords may be, which is kept in memory.
const longestText = 64 << 20

// longestRange is more than any range file is.
const longestRange = 8 << 20

var (
	rangeName = regexp.MustCompile(`^[0-9A-Fa-f]{5}(\.txt)?$`)
	hashLine  = regexp.MustCompile(`^[0-9A-Fa-f]{40}(:[0-9]+)?\r?$`)
)

// Open looks what a path is. Errors say what would be right.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the list of forbidden passwords: %w", err)
	}
	f := &File{path: path, folder: info.IsDir(), size: info.Size()}
	if f.folder {
		err = f.checkFolder()
	} else {
		err = f.openFile()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the list of forbidden passwords %s: %w", path, err)
	}
	return f, nil
}

func (f *File) checkFolder() error {
	dir, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(100) // there may be a million
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, name := range names {
		if rangeName.MatchString(name) {
			return nil
		}
	}
	return errors.New("the folder holds no range files; they are called like 21BD1 or 21BD1.txt")
}

func (f *File) openFile() error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(file)
	defer func() { _ = file.Close() }()
	if lines.Scan() && hashLine.Match(lines.Bytes()) {
		f.sorted = true
		return f.checkOrder(file)
	}
	if f.size > longestText {
		return fmt.Errorf("a file of passwords is %d MiB at most; give a folder of range files, or a file of sorted SHA-1 hashes", longestText>>20)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f.words = map[string]bool{}
	lines = bufio.NewScanner(file)
	for lines.Scan() {
		if word := strings.TrimRight(lines.Text(), "\r"); word != "" {
			f.words[strings.ToLower(word)] = true
		}
	}
	if len(f.words) == 0 && lines.Err() == nil {
		return errors.New("it is empty")
	}
	return lines.Err()
}

// checkOrder looks at the ends of a file of hashes: one in the order of counts,
// which there is too, would be searched in vain.
func (f *File) checkOrder(file *os.File) error {
	first, _, err := f.lineAt(file, 0)
	if err != nil {
		return err
	}
	for _, at := range []int64{f.size / 4, f.size / 2, f.size / 4 * 3} {
		line, _, err := f.lineAt(file, at)
		if err != nil {
			return err
		}
		if line != "" && line < first {
			return errors.New("its hashes are not in ascending order; get the file that is ordered by hash")
		}
		if line != "" {
			first = line
		}
	}
	return nil
}

// Has tells whether a password is on the list: as it is, and in small letters.
func (f *File) Has(password string) (bool, error) {
	lower := strings.ToLower(password)
	if f.words != nil {
		return f.words[lower], nil
	}
	for _, form := range []string{password, lower} {
		sum := sha1.Sum([]byte(form)) //nolint:gosec // as above
		found, err := f.hasHash(strings.ToUpper(hex.EncodeToString(sum[:])))
		if err != nil {
			return false, fmt.Errorf("reading the list of forbidden passwords: %w", err)
		}
		if found || password == lower {
			return found, nil
		}
	}
	return false, nil
}

func (f *File) hasHash(hash string) (bool, error) {
	if f.folder {
		return f.inRange(hash[:5], hash[5:])
	}
	return f.inSorted(hash)
}

// inRange looks into the file of a prefix. One that is not there holds nothing.
func (f *File) inRange(prefix, rest string) (bool, error) {
	for _, name := range []string{prefix, prefix + ".txt", strings.ToLower(prefix), strings.ToLower(prefix) + ".txt"} {
		file, err := os.Open(filepath.Join(f.path, name)) //nolint:gosec // the folder is the operator's, the name ours
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		defer func() { _ = file.Close() }()
		lines := bufio.NewScanner(io.LimitReader(file, longestRange))
		for lines.Scan() {
			suffix, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
			// A count of nought is padding: it hides which range was asked for.
			if strings.EqualFold(suffix, rest) && count != "0" {
				return true, nil
			}
		}
		return false, lines.Err()
	}
	return false, nil
}

// inSorted searches by halves.
func (f *File) inSorted(hash string) (bool, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	for low, high := int64(0), f.size; low < high; {
		middle := low + (high-low)/2
		line, next, err := f.lineAt(file, middle)
		switch {
		case err != nil:
			return false, err
		case line == hash:
			return true, nil
		case line == "" || line > hash:
			high = middle
		default:
			low = next
		}
	}
	return false, nil
}

// lineAt returns the hash of the first line that begins at at or after it, and where
// the line after that begins; empty behind the last line.
func (f *File) lineAt(file *os.File, at int64) (hash string, next int64, err error) {
	const window = 256 // two lines and more
	begin := max(at-1, 0)
	buf := make([]byte, window)
	n, err := file.ReadAt(buf, begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	buf = buf[:n]
	if at > 0 {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			return "", f.size, nil
		}
		buf, begin = buf[i+1:], begin+int64(i)+1
	}
	line, _, found := bytes.Cut(buf, []byte("\n"))
	if next = begin + int64(len(line)) + 1; !found {
		next = f.size
	}
	text, _, _ := strings.Cut(string(line), ":")
	return strings.ToUpper(strings.TrimSpace(text)), next, nil
}
