// Calls an API with the token of an account: Call ACCOUNT URL
// Mono: mcs -r:System.Net.Http.dll -r:System.Runtime.Serialization.dll Call.cs && mono Call.exe ACCOUNT URL
using System;
using System.Diagnostics;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization.Json;

// What is used of endpoint.json, of a token, and of an error.
public class Told { public string url, key_file, access_token, error_description, hint; public int pid; }

static class Call
{
    static readonly HttpClient Direct = new HttpClient(new HttpClientHandler { UseProxy = false }); // no proxy gets the key

    static T End<T>(string text) { Console.Error.WriteLine(text); Environment.Exit(1); return default(T); }

    static Told Read(Stream json) { using (json) return (Told)new DataContractJsonSerializer(typeof(Told)).ReadObject(json); }

    static Told Daemon()
    {
        var url = Environment.GetEnvironmentVariable("RINGBACK_URL");
        if (url != null) return new Told { url = url, key_file = Environment.GetEnvironmentVariable("RINGBACK_KEY_FILE") };
        var found = Read(File.OpenRead(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") + "/ringback/endpoint.json"));
        Process.GetProcessById(found.pid); // fails if that daemon is gone: another program may have its port by now
        return found;
    }

    static HttpResponseMessage Send(HttpClient client, string method, string url, string bearer)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return client.SendAsync(request).Result;
    }

    static Told Ask(string method, string path)
    {
        try
        {
            var daemon = Daemon();
            var reply = Send(Direct, method, daemon.url + path, File.ReadAllText(daemon.key_file).Trim());
            var told = Read(reply.Content.ReadAsStreamAsync().Result);
            return reply.IsSuccessStatusCode ? told : End<Told>($"error: {told.error_description}\nhint: {told.hint}");
        }
        catch (Exception error)
        {
            return End<Told>($"error: the ringback daemon can't be reached: {error.GetBaseException().Message}\nhint: Start it with `ringback serve`.");
        }
    }

    static void Main(string[] arguments)
    {
        string account = arguments[0], api = arguments[1];
        var client = new HttpClient();
        Func<HttpResponseMessage> call = () => Send(client, "GET", api, Ask("GET", $"/v1/accounts/{account}/token").access_token);
        var reply = call();
        if ((int)reply.StatusCode == 401) // once: an API that rejects this one, too, has another reason
        {
            Ask("POST", $"/v1/accounts/{account}/rejected");
            reply = call();
        }
        var text = reply.Content.ReadAsStringAsync().Result;
        Console.WriteLine(reply.IsSuccessStatusCode ? text : End<string>($"error: the API answered {(int)reply.StatusCode}: {text}"));
    }
}
