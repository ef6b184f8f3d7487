package model

// MarshalJSON writes a list as the operand of IN and NOT_IN.
func (s HostSelector) MarshalJSON() ([]byte, error) {
	return appendHostSelector(nil, s), nil
}

// UnmarshalJSON reads a selector; all of its members must be there. The error has CodeInvalid.
func (s *HostSelector) UnmarshalJSON(data []byte) error {
	return decode(data, s, readHostSelector)
}

func appendHostSelector(dst []byte, s HostSelector) []byte {
	dst = appendString(append(dst, `{"label":`...), s.Label)
	dst = appendString(append(dst, `,"operator":`...), string(s.Operator))
	dst = append(dst, `,"operand":`...)
	if s.takesList() {
		dst = appendStrings(dst, s.Operands)
	} else {
		dst = appendString(dst, s.Operand)
	}
	return append(dst, '}')
}

func readHostSelector(r *reader, s *HostSelector) error {
	operand := -1 // where it is: the operator, which says what it has to be, may come later
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "label":
			return readString(r, &s.Label)
		case "operator":
			return readWord(r, &s.Operator, "host selector operator", selectorOperators)
		case "operand":
			if operand = -1; r.null() {
				return nil
			}
			operand = r.pos
		}
		return r.skip()
	})
	switch {
	case err != nil:
		return err
	case s.Label == "":
		return missing("label")
	case s.Operator == "":
		return missing("operator")
	case operand < 0:
		return missing("operand")
	}
	end := r.pos
	r.pos = operand
	if s.takesList() {
		err = readStrings(r, &s.Operands)
	} else {
		err = readString(r, &s.Operand)
	}
	r.pos = end
	if err != nil {
		return within("operand of "+string(s.Operator), err)
	}
	return nil
}
