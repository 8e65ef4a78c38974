//go:build !unix

package wasaapay

import "time"

func processTime() time.Duration { return 0 }
