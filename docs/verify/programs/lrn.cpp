// LRN in C++, for: g++ -O1 -o lrn lrn.cpp && refvis verify --pipe ./lrn   (nlohmann/json.hpp: Debian's nlohmann-json3-dev)
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
using nlohmann::json;

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json asked = json::parse(line), answer;
    if (asked["cmd"] == "start") {
      answer = {{"version", 1}, {"implementation", {{"name", "c++"}, {"layout", "NHWC"}, {"kinds", {"lrn"}}}}};
    } else if (asked["cmd"] == "stop") {
      break;
    } else if (asked["part"] != "forward") {
      answer = {{"seq", asked["seq"]}, {"skipped", true}, {"message", "no backward pass"}};
    } else {
      json &l = asked["layer"], &x = asked["inputs"]["x"];
      std::vector<double> in = x["data"], out(in.size());
      int channels = x["shape"][3], size = l["size"];
      double kappa = l["kappa"], alpha = l["alpha"], beta = l["beta"];
      for (int i = 0; i < (int)in.size(); ++i) {
        int c = i % channels, pixel = i - c;
        double sum = 0;
        for (int k = std::max(0, c - (size - 1) / 2); k <= std::min(channels - 1, c + size / 2); ++k)
          sum += in[pixel + k] * in[pixel + k];
        out[i] = in[i] * std::pow(kappa + alpha * sum, -beta);
      }
      answer = {{"seq", asked["seq"]}, {"values", {{"output", {{"shape", x["shape"]}, {"data", out}}}}}};
    }
    std::cout << answer << std::endl;
  }
}
