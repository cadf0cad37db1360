// What a caller writes with the client that is generated from the description, and a gateway that reads it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/getkin/kin-openapi/openapi3"

	"clients/ithaca"
)

func ask(ctx context.Context, client *ithaca.ClientWithResponses) (string, error) {
	body := ithaca.NewOtp{To: "+447700900123", Purpose: "login"}
	answer, err := client.RequestCodeWithResponse(ctx, nil, body)
	if err != nil {
		return "", err
	}
	if answer.JSON202 == nil {
		return "", fmt.Errorf("status %d", answer.StatusCode())
	}
	return answer.JSON202.RequestId, nil
}

func tooSoon(ctx context.Context, client *ithaca.ClientWithResponses, id string) (bool, error) {
	answer, err := client.ResendCodeWithResponse(ctx, id)
	if err != nil || answer.ApplicationproblemJSON409 == nil {
		return false, err
	}
	return answer.ApplicationproblemJSON409.Type == ithaca.ProblemTypeTooSoon, nil
}

func over(ctx context.Context, client *ithaca.ClientWithResponses, id string) (bool, error) {
	answer, err := client.GetRequestWithResponse(ctx, id)
	if err != nil || answer.JSON200 == nil {
		return false, err
	}
	for _, attempt := range answer.JSON200.Attempts {
		if attempt.Receipt != nil && *attempt.Receipt == ithaca.ReceiptStateExpired {
			return true, nil
		}
	}
	return answer.JSON200.State == ithaca.OtpStateExpired, nil
}

// Reads the description as a gateway does, and puts the body of a request through its schema.
func main() {
	document, err := openapi3.NewLoader().LoadFromFile(os.Args[1])
	if err == nil {
		err = document.Validate(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var body any
	if err := json.Unmarshal([]byte(os.Args[2]), &body); err != nil {
		panic(err)
	}
	if err := document.Components.Schemas["NewOtp"].Value.VisitJSON(body); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _, _ = ask, tooSoon, over
}
