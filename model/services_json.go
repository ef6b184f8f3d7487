package model

// MarshalJSON writes null for nil ports.
func (s ServicePorts) MarshalJSON() ([]byte, error) {
	return appendServicePorts(nil, s), nil
}

// UnmarshalJSON tells missing ports, which are nil, from empty ones. The error has CodeInvalid.
func (s *ServicePorts) UnmarshalJSON(data []byte) error {
	return decode(data, s, readServicePorts)
}

func appendServicePorts(dst []byte, s ServicePorts) []byte {
	dst = append(dst, `{"ports":`...)
	if s.Ports == nil {
		return append(dst, "null}"...)
	}
	return append(appendMap(dst, s.Ports, appendServicePort), '}')
}

func readServicePorts(r *reader, s *ServicePorts) error {
	return r.object(func(key []byte) error {
		if string(key) != "ports" {
			return r.skip()
		}
		if s.Ports = nil; r.null() {
			return nil
		}
		s.Ports = map[string]ServicePortParameters{}
		return r.object(func(name []byte) error {
			var parameters ServicePortParameters
			if parameters.Null = r.null(); !parameters.Null {
				if err := readServicePort(r, &parameters); err != nil {
					return err
				}
			}
			s.Ports[string(name)] = parameters
			return nil
		})
	})
}

// MarshalJSON leaves out nil tags, and writes null for Null.
func (p ServicePortParameters) MarshalJSON() ([]byte, error) {
	return appendServicePort(nil, p), nil
}

// UnmarshalJSON tells missing tags, which are nil, from empty ones. The error has CodeInvalid.
func (p *ServicePortParameters) UnmarshalJSON(data []byte) error {
	return decode(data, p, readServicePort)
}

func readServicePort(r *reader, p *ServicePortParameters) error {
	return r.object(func(key []byte) error {
		if string(key) != "tags" {
			return r.skip()
		}
		return readList(r, &p.Tags, true, readString)
	})
}

// readRegistration reads services by endpoint.
func readRegistration(r *reader, registration *map[ServiceEndpoint]ServicePorts) error {
	return readKeyedMap(r, registration, (*ServiceEndpoint).UnmarshalText, readServicePorts)
}

// readKeyedMap is readMap for keys that are not plain strings.
func readKeyedMap[K comparable, V any](
	r *reader, m *map[K]V, parse func(*K, []byte) error, read func(*reader, *V) error,
) error {
	*m = nil
	if r.null() {
		return nil
	}
	return r.object(func(text []byte) error {
		var key K
		if err := parse(&key, text); err != nil {
			return err
		}
		if r.null() {
			return problemf("must not be null")
		}
		var value V
		if err := read(r, &value); err != nil {
			return err
		}
		if *m == nil {
			*m = make(map[K]V)
		}
		(*m)[key] = value
		return nil
	})
}
