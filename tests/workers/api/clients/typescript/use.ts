// What a caller writes with the types that are generated from the description: it compiles, or they are of no use.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8080", headers: { Authorization: "Bearer key" } });

export async function ask(): Promise<string> {
  const { data, error } = await client.POST("/v1/otp", { body: { to: "+447700900123", purpose: "login" } });
  if (error) throw new Error(error.detail);
  return data.request_id;
}

export async function again(request_id: string): Promise<components["schemas"]["ProblemType"] | "sent"> {
  const { error } = await client.POST("/v1/otp/{request_id}/resend", { params: { path: { request_id } } });
  return error ? error.type : "sent";
}

export async function check(request_id: string, code: string): Promise<boolean> {
  const { data } = await client.POST("/v1/otp/{request_id}/verify", { params: { path: { request_id } }, body: { code } });
  return data?.verified === true;
}

export async function arrived(request_id: string): Promise<boolean> {
  const { data } = await client.GET("/v1/otp/{request_id}", { params: { path: { request_id } } });
  const state: components["schemas"]["OtpState"] | undefined = data?.state;
  return state === "verified" || (data?.attempts ?? []).some((attempt) => attempt.receipt === "DELIVERED");
}
