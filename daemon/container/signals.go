package container

import "fmt"

// lastSignal is the highest number that Linux has.
const lastSignal = 64

// signalName returns the name of a signal by its number on Linux, which is what containers run on, "" when there is none.
func signalName(number int) string {
	if number < 1 || number > lastSignal {
		return ""
	}
	names := [...]string{
		1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV",
		12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT", 17: "CHLD", 18: "CONT", 19: "STOP", 20: "TSTP", 21: "TTIN",
		22: "TTOU", 23: "URG", 24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 28: "WINCH", 29: "IO", 30: "PWR", 31: "SYS",
	}
	if number < len(names) {
		return "SIG" + names[number]
	}
	return fmt.Sprintf("signal %d", number)
}
