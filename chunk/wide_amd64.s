#include "textflag.h"

// Where quotients has its numbers.
#define REVERSE 80(DI)
#define OLD     88(DI)
#define OLDEST  96(DI)
#define NEWEST  104(DI)
#define CARRIED 112(DI)
#define MASK    120(DI)

// MULTIPLY turns 64 bytes in Z0, their bits reversed, into as many bytes of the product
// in Z2. Z16 to Z19 are what is left of the 64 bytes before: Z0, Z1, the odd sums, Z2.
//
// For two words of the kernel there are three products instead of four: of words e before
// o and of the one before both, h, the even sum takes e·k+h·l and the odd one o·k+e·l,
// which are e·(k+l)+(h+e)·l and e·(k+l)+(e+o)·k.
#define MULTIPLY \
	VALIGNQ $7, Z16, Z0, Z1             \ // Z1: each word and the one before it
	VPXORQ Z0, Z1, Z1                   \
	VALIGNQ $6, Z16, Z0, Z3             \
	VALIGNQ $6, Z17, Z1, Z4             \
	VALIGNQ $4, Z16, Z0, Z5             \
	VALIGNQ $4, Z17, Z1, Z6             \
	VALIGNQ $2, Z16, Z0, Z7             \
	VPCLMULQDQ $0x00, Z21, Z0, Z8       \ // for both sums
	VPCLMULQDQ $0x10, Z21, Z3, Z3       \
	VPCLMULQDQ $0x00, Z24, Z5, Z5       \
	VPCLMULQDQ $0x10, Z20, Z1, Z2       \ // for the even ones
	VPCLMULQDQ $0x10, Z22, Z4, Z9       \
	VPCLMULQDQ $0x10, Z23, Z6, Z10      \
	VPCLMULQDQ $0x10, Z24, Z7, Z11      \
	VPCLMULQDQ $0x01, Z20, Z1, Z12      \ // for the odd ones
	VPCLMULQDQ $0x01, Z22, Z4, Z4       \
	VPCLMULQDQ $0x01, Z23, Z6, Z6       \
	VPCLMULQDQ $0x11, Z24, Z7, Z7       \
	VPTERNLOGQ $0x96, Z5, Z3, Z8        \
	VPTERNLOGQ $0x96, Z9, Z8, Z2        \
	VPTERNLOGQ $0x96, Z11, Z10, Z2      \
	VPTERNLOGQ $0x96, Z4, Z8, Z12       \
	VPTERNLOGQ $0x96, Z7, Z6, Z12       \
	VALIGNQ $7, Z18, Z12, Z3            \ // which begin a word later
	VPXORQ Z3, Z2, Z2                   \
	VMOVDQA64 Z0, Z16                   \
	VMOVDQA64 Z1, Z17                   \
	VMOVDQA64 Z12, Z18

// func likelyWindow(p *byte, n int, q *quotients) int
TEXT ·likelyWindow(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ q+16(FP), DI
	XORQ AX, AX
	VBROADCASTI32X4 (DI), Z20            // the kernel
	VBROADCASTI32X4 16(DI), Z21
	VBROADCASTI32X4 32(DI), Z22
	VBROADCASTI32X4 48(DI), Z23
	VBROADCASTI32X4 64(DI), Z24
	VPBROADCASTQ REVERSE, Z25
	VPBROADCASTQ OLD, Z26
	VPBROADCASTQ OLDEST, Z27
	VPBROADCASTQ NEWEST, Z28
	VPBROADCASTQ CARRIED, Z29
	VPBROADCASTQ MASK, Z30

	// The bytes before the first 64, of which seven may not be there and don't count.
	ADDQ $57, SI
	MOVQ $~0x7f, R8
	KMOVQ R8, K1
	VMOVDQU8.Z -64(SI), K1, Z0
	VGF2P8AFFINEQB $0, Z25, Z0, Z0
	VPXORQ Z16, Z16, Z16
	VPXORQ Z17, Z17, Z17
	VPXORQ Z18, Z18, Z18
	MULTIPLY
	VMOVDQA64 Z2, Z19

block:
	VMOVDQU64 (SI), Z0
	VGF2P8AFFINEQB $0, Z25, Z0, Z0
	MULTIPLY
	VALIGNQ $6, Z19, Z2, Z3
	VPALIGNR $15, Z3, Z2, Z3            // each byte of Z2 is one later in Z3
	VMOVDQA64 Z2, Z19

	VMOVDQU64 6(SI), Z4                 // the newest byte of each window
	VMOVDQU64 5(SI), Z5
	VMOVDQU64 -56(SI), Z6
	VMOVDQU64 -57(SI), Z7               // the oldest
	VGF2P8AFFINEQB $0, Z28, Z4, Z8
	VGF2P8AFFINEQB $0, Z26, Z6, Z6
	VGF2P8AFFINEQB $0, Z27, Z7, Z9
	VGF2P8AFFINEQB $0, Z29, Z4, Z4
	VGF2P8AFFINEQB $0, Z28, Z5, Z5
	VGF2P8AFFINEQB $0, Z26, Z7, Z7
	VPTERNLOGQ $0x96, Z6, Z8, Z2
	VPTERNLOGQ $0x96, Z5, Z4, Z3
	VPXORQ Z9, Z2, Z2
	VPXORQ Z7, Z3, Z3
	VPTERNLOGQ $0xf8, Z30, Z3, Z2       // Z2, or Z3 as far as it counts
	VPTESTNMB Z2, Z2, K1
	KORTESTQ K1, K1
	JNE  found
	ADDQ $64, SI
	ADDQ $64, AX
	DECQ CX
	JNZ  block
	JMP  done

found:
	KMOVQ K1, R8
	BSFQ R8, R8
	ADDQ R8, AX

done:
	VZEROUPPER
	MOVQ AX, ret+24(FP)
	RET
