package widget

import "math/bits"

// inASCII returns the ASCII character that is drawn instead of one of the console's own.
func inASCII(r rune) rune {
	switch {
	case r >= 0x2800 && r < 0x2900: // braille: the more dots, the darker
		return rune(" ..::++*#"[bits.OnesCount8(uint8(r))])
	case r >= 0x2581 && r <= 0x2588: // eighths of a block
		return rune("_..:-=+##"[r-0x2580])
	}
	if a, ok := asciiOf[r]; ok {
		return a
	}
	return r
}

var asciiOf = map[rune]rune{
	'─': '-', '│': '|', '╭': '+', '╮': '+', '╰': '+', '╯': '+', '┼': '+', '├': '+', '┤': '+', '┿': '+', '━': '=', '╍': '~', '┄': '.', '╌': '-',
	'╸': '-', '┃': '#', '▌': '>', '░': 'p', '▒': 'c', '▓': 's', '▞': 'h', '█': '#', '■': 'o', '▣': 'P', '▇': '#',
	'●': 'R', '⇣': 'P', '◌': 'C', '◐': 'S', '◍': 'H', '✗': 'x', '◒': '-', '○': '=', '◇': '~', '×': 'x',
	'▲': '^', '▼': 'v', '▶': '>', '✓': '+', '⚠': '!', '↯': 'z', '⊘': '0', '▮': '|', '◆': '*', '◈': 'd',
	'→': '>', '←': '<', '↑': '^', '↓': 'v', '⏎': '<', '·': '.', '…': '~', '—': '-', '–': '-', '▽': 'v', '▏': '|', '⇧': '^', '▐': '<', '›': '>', '≈': '~', '∥': '|', '↻': '@', '▾': 'v',
	'❯': '>', '•': '*', '⇅': '^', '↔': '-', '↶': '<', '“': '"', '”': '"', '≥': '>', '⋮': ':', '▸': '>',
}
