package deposit

import (
	"strings"
	"testing"
)

// What is wrong with a plan is named by its line, and nothing about it is guessed: a member
// or column that is there twice least of all, for it may be the amount.
func TestReadPlan(t *testing.T) {
	t.Parallel()
	const header = "phone,amount,reference\n"
	for name, c := range map[string]struct{ plan, want string }{
		"empty":                  {"", "header row cannot be read"},
		"no lines":               {header, "it has no lines"},
		"blank lines":            {"\n\n" + header + "\n\n", "it has no lines"},
		"a column twice":         {"phone,amount,reference,Amount\n0712345678,1,A,900\n", "line 1: the column amount is there twice"},
		"a cell too many":        {header + "0712345678,1,A\n0712345678,1,000,B\n", "line 3: wrong number of fields"},
		"an open quote":          {header + "\"0712345678,1,A\n", "line 2: "},
		"semicolons":             {"phone;amount;reference\n0712345678;1;A\n", "phone;amount;reference\" is not a column"},
		"UTF-16":                 {"\xff\xfep\x00h\x00", "not UTF-8"},
		"Latin-1":                {header + "0712345678,1,caf\xe9\n", "not UTF-8"},
		"NUL":                    {header + "0712345678,1\x00,A\n", "not UTF-8"},
		"a member twice":         {`{"phone":"0712345678","amount":1,"reference":"A","amount":900}`, `line 1: "amount" is there twice`},
		"an unknown member":      {`{"phone":"0712345678","amount":1,"reference":"A"}` + "\n" + `{"Phone":"1"}`, `line 2: "Phone" is not a column`},
		"a nested member":        {`{"phone":{"a":1}}`, `line 1: "phone" is neither text nor a number`},
		"a truth value":          {`{"phone":true}`, `line 1: "phone" is neither text nor a number`},
		"an array":               {`[{"phone":"0712345678","amount":1,"reference":"A"}]`, "line 1: is not one JSON object"},
		"two objects on a line":  {`{"phone":"1"} {"phone":"2"}`, "line 1: is not one JSON object"},
		"text behind the object": {`{"phone":"1"} x`, "line 1: is not one JSON object"},
		"an object that is cut":  {"{\"phone\":\"1\"}\n{\"phone\":", "line 2: is not one JSON object"},
		"an object over lines":   {"{\n\"phone\":\"1\"}", "line 1: is not one JSON object"},
	} {
		lines, err := ReadPlan([]byte(c.plan))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d lines, error %v; want %q", name, len(lines), err, c.want)
		}
	}
	for name, plan := range map[string]string{
		"CSV":           header + "0712345678,1.50,A-1\n",
		"BOM and CRLF":  "\xef\xbb\xbfPhone, Amount ,REFERENCE\r\n0712345678, 1.50,A-1\r\n",
		"other order":   "reference,phone,amount,description\nA-1,0712345678,1.50,\n",
		"quoted":        header + "\"0712345678\",\"1.50\",\"A-1\"\n",
		"NDJSON":        `{"phone":"0712345678","amount":1.50,"reference":"A-1","description":null}`,
		"NDJSON, blank": "\n" + `{"amount":"1.50", "reference":"A-1","phone":"0712345678"}` + "\r\n\n",
	} {
		lines, err := ReadPlan([]byte(plan))
		if err != nil || len(lines) != 1 || lines[0].Phone != "0712345678" || lines[0].Amount != "1.50" || lines[0].Reference != "A-1" || lines[0].Key == "" {
			t.Errorf("%s: %+v, error %v", name, lines, err)
		}
	}
}

// FuzzReadPlan holds that no plan panics, and that the same bytes ask under the same keys,
// each line under its own.
func FuzzReadPlan(f *testing.F) {
	f.Add([]byte("phone,amount,reference\n0712345678,1,A\n"))
	f.Add([]byte(`{"phone":"0712345678","amount":1,"reference":"A","idempotency_key":"k"}`))
	f.Add([]byte("phone,amount,reference\n\"a\nb\",1,A\n"))
	f.Fuzz(func(t *testing.T, plan []byte) {
		lines, err := ReadPlan(plan)
		again, _ := ReadPlan(plan)
		if (err == nil) != (len(lines) > 0) || len(again) != len(lines) {
			t.Fatalf("%d and %d lines, error %v", len(lines), len(again), err)
		}
		numbers := map[int]bool{}
		for i, l := range lines {
			if l != again[i] || l.Key == "" || numbers[l.Number] {
				t.Errorf("%+v, again %+v", l, again[i])
			}
			numbers[l.Number] = true
		}
	})
}
