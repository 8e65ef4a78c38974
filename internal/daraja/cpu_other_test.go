//go:build !unix

package daraja

import "time"

func processTime() time.Duration { return 0 }
