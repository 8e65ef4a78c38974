package daraja

import "testing"

// Log lines are full of numbers with dots. Only codes are codes.
func TestExplainPayloadAmongNumbers(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`196.201.212.69 - - "POST /callbacks/daraja/stk" 200 ResultCode=1032`:     "1032",
		`took 123.456 ms ResultCode: 1037`:                                        "1037",
		`ResultCode=1032 from 196.201.212.69`:                                     "1032",
		`{"ip":"196.201.212.69","msg":"callback","code":1032}`:                    "",
		`{"ip":"196.201.212.69","msg":"ResultCode=1032"}`:                         "1032",
		`{"ip":"196.201.212.69","msg":"refused: 500.001.1001 wrong credentials"}`: "500.001.1001",
		`196.201.212.69 took 123.456 ms`:                                          "",
		`started 123.456.789.012 build 10.200.300`:                                "",
		`peer 1.401.002.01, 401.002.01.9`:                                         "",
		`196.201.212.69 refused 400.002.02 after 123.456 ms`:                      "400.002.02",
		`refused with 400.002.02.`:                                                "400.002.02",
		`ended: ResultCode=1032.`:                                                 "1032",
		`took 123.456 ms, errorCode: 999.999.999`:                                 "999.999.999",
		`401.001 ms, error_code=500.003.02`:                                       "500.003.02",
		`"errorCode": "196.201.212.69"`:                                           "",
		`no ResultCode in the answer: 400.002.02`:                                 "400.002.02",
		`no ResultCode in the answer: SFC_IC0003`:                                 "SFC_IC0003",
		`ResultCode=ABC`: "ABC",
		`errorCode 500.001.1001, then ResultCode=1032`: "1032",
		`ResultCode: SFC_IC0003`:                       "SFC_IC0003",
		`amount 150.000 KES`:                           "",
	} {
		e, ok := ExplainPayload([]byte(line))
		if ok != (want != "") || e.Code != want {
			t.Errorf("%s: got %q, want %q", line, e.Code, want)
		}
	}
}
