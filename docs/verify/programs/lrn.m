% LRN in Octave, for: refvis verify --pipe 'octave-cli lrn.m'
while true
  asked = jsondecode(input("", "s"));   % fgetl would wait for the next line
  if strcmp(asked.cmd, "start")
    answer = struct("version", 1, "implementation", struct("name", "octave", "layout", "NHWC", "kinds", {{"lrn"}}));
  elseif strcmp(asked.cmd, "stop")
    break
  elseif !strcmp(asked.part, "forward")
    answer = struct("seq", asked.seq, "skipped", true, "message", "no backward pass");
  else
    l = asked.layer; shape = asked.inputs.x.shape(:)';
    x = reshape(asked.inputs.x.data, fliplr(shape));   % row-major N x H x W x C arrives as C x W x H x N
    sums = zeros(size(x)); C = size(x, 1);
    for c = 1:C
      window = max(1, c - floor((l.size - 1) / 2)) : min(C, c + floor(l.size / 2));
      sums(c, :, :, :) = sum(x(window, :, :, :) .^ 2, 1);
    end
    y = x .* (l.kappa + l.alpha * sums) .^ -l.beta;
    answer = struct("seq", asked.seq, "values", struct("output", struct("shape", shape, "data", y(:)')));
  end
  disp(jsonencode(answer)); fflush(stdout);
end
