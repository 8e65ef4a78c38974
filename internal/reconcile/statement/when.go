package statement

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errTime = errors.New("is not a date and time")

// dateOrder says how 01-02-2026 is read.
type dateOrder uint8

const (
	dayFirst dateOrder = iota
	monthFirst
)

// when reads a time: year first, or in the given order; with any of - / . between;
// seconds and an AM or PM may be there; or a spreadsheet's serial number of days.
// A time that states its zone keeps it.
func when(text string, order dateOrder, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	if len(text) > 19 && (text[len(text)-1] == 'Z' || text[len(text)-6] == '+' || text[len(text)-6] == '-') {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.In(zone), nil
		}
	}
	if at, ok := serial(text, zone); ok {
		return at, nil
	}
	var n [6]int
	fields, rest, err := numbersOf(text, &n)
	if err != nil || fields != 3 && fields != 5 && fields != 6 {
		return time.Time{}, errTime
	}
	y, m, d, ok := ymd(n, order)
	if !ok {
		return time.Time{}, errTime
	}
	hour := n[3]
	switch strings.ToUpper(strings.TrimSpace(rest)) {
	case "":
	case "AM", "PM":
		if hour < 1 || hour > 12 {
			return time.Time{}, errTime
		}
		hour %= 12
		if strings.EqualFold(strings.TrimSpace(rest), "PM") {
			hour += 12
		}
	default:
		return time.Time{}, errTime
	}
	at := time.Date(y, time.Month(m), d, hour, n[4], n[5], 0, zone)
	if at.Day() != d || int(at.Month()) != m || at.Hour() != hour || at.Minute() != n[4] || at.Second() != n[5] {
		return time.Time{}, errTime
	}
	return at, nil
}

// ymd puts the three numbers of a date in their places.
func ymd(n [6]int, order dateOrder) (y, m, d int, ok bool) {
	switch {
	case n[0] > 31:
		y, m, d = n[0], n[1], n[2]
	case order == monthFirst:
		m, d, y = n[0], n[1], n[2]
	default:
		d, m, y = n[0], n[1], n[2]
	}
	if y < 100 {
		y += 2000
	}
	return y, m, d, m >= 1 && m <= 12 && d >= 1 && y >= 2000 && y < 2200
}

// numbersOf reads up to six numbers with one separator between each, and what
// follows them. A fraction of a second is dropped.
func numbersOf(text string, n *[6]int) (fields int, rest string, err error) {
	const separators = "-/. :T"
	i := 0
	for fields < 6 && i < len(text) && isDigit(text[i]) {
		start := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		if n[fields], err = strconv.Atoi(text[start:i]); err != nil || i-start > 4 {
			return 0, "", errTime
		}
		fields++
		if i < len(text) && fields < 6 && strings.IndexByte(separators, text[i]) >= 0 && i+1 < len(text) && isDigit(text[i+1]) {
			i++
			continue
		}
		break
	}
	if i < len(text) && text[i] == '.' {
		for i++; i < len(text) && isDigit(text[i]); i++ {
		}
	}
	return fields, text[i:], nil
}

// serial reads days since 30 December 1899, as spreadsheets count them: only those of
// this century, so that no other number is taken for a time.
func serial(text string, zone *time.Location) (time.Time, bool) {
	if len(text) < 5 || len(text) > 5 && text[5] != '.' {
		return time.Time{}, false
	}
	days, err := strconv.ParseFloat(text, 64)
	if err != nil || days < 36526 || days >= 73050 {
		return time.Time{}, false
	}
	whole := int(days)
	seconds := int((days-float64(whole))*86400 + 0.5)
	return time.Date(1899, 12, 30+whole, 0, 0, seconds, 0, zone), true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// receiptDay returns the day that a receipt's first three characters stand for
// (reference/daraja.md §3.3): a hint, never a proof.
func receiptDay(receipt string) (y, m, d int, ok bool) {
	if len(receipt) != 10 || receipt[0] < 'A' || receipt[0] > 'Z' || receipt[1] < 'A' || receipt[1] > 'L' {
		return 0, 0, 0, false
	}
	switch c := receipt[2]; {
	case c >= '1' && c <= '9':
		d = int(c - '0')
	case c >= 'A' && c <= 'V':
		d = int(c-'A') + 10
	default:
		return 0, 0, 0, false
	}
	return 2024 + int(receipt[0]) - 'S', int(receipt[1]-'A') + 1, d, true
}

// orderOf finds out whether day or month stands first: by a number above 12, else by
// what the receipts say. Without a sign it is the day, as every known file has it.
func orderOf(dates, receipts []string) dateOrder {
	day, month := 0, 0
	for i, date := range dates {
		var n [6]int
		fields, _, err := numbersOf(strings.TrimSpace(date), &n)
		if err != nil || fields < 3 || n[0] > 31 || n[1] > 31 {
			continue
		}
		switch {
		case n[0] > 12:
			return dayFirst
		case n[1] > 12:
			return monthFirst
		case n[0] == n[1]:
			continue
		}
		if _, m, d, ok := receiptDay(normalReceipt(receipts[i])); ok {
			switch {
			case near(d, n[0]) && m == n[1]:
				day++
			case near(d, n[1]) && m == n[0]:
				month++
			}
		}
	}
	if month > day {
		return monthFirst
	}
	return dayFirst
}

// near allows for a payment across midnight.
func near(a, b int) bool { return a-b <= 1 && b-a <= 1 }
