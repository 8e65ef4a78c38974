package emulator

import (
	"errors"
)

// qrVersion is the shape of one size of QR symbol at error correction level M.
type qrVersion struct {
	data   int   // data codewords in all
	check  int   // error correction codewords in each block
	blocks int   // blocks; the last data%blocks of them are one codeword longer
	align  []int // centres of the alignment patterns
}

// qrVersions are versions 1 to 10 of ISO/IEC 18004, enough for 213 bytes.
func qrVersions() []qrVersion {
	return []qrVersion{
		{16, 10, 1, nil},
		{28, 16, 1, []int{6, 18}},
		{44, 26, 1, []int{6, 22}},
		{64, 18, 2, []int{6, 26}},
		{86, 24, 2, []int{6, 30}},
		{108, 16, 4, []int{6, 34}},
		{124, 18, 4, []int{6, 22, 38}},
		{154, 22, 4, []int{6, 24, 42}},
		{182, 22, 5, []int{6, 26, 46}},
		{216, 26, 5, []int{6, 28, 50}},
	}
}

var errQRTooLong = errors.New("the text is too long for a QR code: at most 213 bytes")

// qrEncode returns the modules of a QR symbol, rows of dark ones.
func qrEncode(text string) ([][]bool, error) {
	for i, v := range qrVersions() {
		number := i + 1
		countBits := 8
		if number >= 10 {
			countBits = 16
		}
		if 4+countBits+8*len(text) > 8*v.data {
			continue
		}
		m := newQRMatrix(number, v.align)
		m.place(interleave(qrData(text, countBits, v.data), v))
		m.format()
		return m.dark, nil
	}
	return nil, errQRTooLong
}

// qrData packs the text in byte mode and pads it.
func qrData(text string, countBits, size int) []byte {
	bits := make([]bool, 0, size*8)
	put := func(value, n int) {
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, value>>i&1 == 1)
		}
	}
	put(0b0100, 4)
	put(len(text), countBits)
	for i := range len(text) {
		put(int(text[i]), 8)
	}
	put(0, min(4, size*8-len(bits)))
	put(0, (8-len(bits)%8)%8)
	for pad := 0xEC; len(bits) < size*8; pad ^= 0xEC ^ 0x11 {
		put(pad, 8)
	}
	data := make([]byte, size)
	for i, bit := range bits {
		if bit {
			data[i/8] |= 0x80 >> (i % 8)
		}
	}
	return data
}

// interleave cuts data into blocks, adds their check codewords, and deals both out in turn.
func interleave(data []byte, v qrVersion) []byte {
	short := v.data / v.blocks
	longer := v.data % v.blocks
	divisor := rsDivisor(v.check)
	blocks, checks := make([][]byte, v.blocks), make([][]byte, v.blocks)
	for i := range v.blocks {
		size := short
		if i >= v.blocks-longer {
			size++
		}
		blocks[i], data = data[:size], data[size:]
		checks[i] = rsRemainder(blocks[i], divisor)
	}
	var out []byte
	for i := range short + 1 {
		for _, block := range blocks {
			if i < len(block) {
				out = append(out, block[i])
			}
		}
	}
	for i := range v.check {
		for _, check := range checks {
			out = append(out, check[i])
		}
	}
	return out
}

// gfMultiply multiplies in GF(256) modulo x^8+x^4+x^3+x^2+1.
func gfMultiply(a, b byte) byte {
	product := 0
	for i := 7; i >= 0; i-- {
		product = product<<1 ^ product>>7*0x11D
		product ^= int(b>>i&1) * int(a)
	}
	return byte(product)
}

// rsDivisor is the generator polynomial of a degree, without its leading 1, highest power first.
func rsDivisor(degree int) []byte {
	divisor := make([]byte, degree)
	divisor[degree-1] = 1
	root := byte(1)
	for range degree {
		for j := range divisor {
			divisor[j] = gfMultiply(divisor[j], root)
			if j+1 < degree {
				divisor[j] ^= divisor[j+1]
			}
		}
		root = gfMultiply(root, 2)
	}
	return divisor
}

func rsRemainder(data, divisor []byte) []byte {
	rest := make([]byte, len(divisor))
	for _, b := range data {
		factor := b ^ rest[0]
		rest = append(rest[1:], 0)
		for i := range rest {
			rest[i] ^= gfMultiply(divisor[i], factor)
		}
	}
	return rest
}
